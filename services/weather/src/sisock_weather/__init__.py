"""Example data server: an archive of weather files, read once and served from memory."""
