"""The overview of an observatory in a terminal."""
