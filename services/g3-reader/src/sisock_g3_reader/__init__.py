"""Sisock data server of an archive of .g3 housekeeping files."""
