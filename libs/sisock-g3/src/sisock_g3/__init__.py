"""Layout of housekeeping frames in .g3 files, and the index of an archive of them."""
