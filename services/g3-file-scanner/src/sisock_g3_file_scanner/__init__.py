"""Sisock's indexer of .g3 housekeeping files."""
