"""Knows how each field of the observatory is, since when and why, and remembers it."""
