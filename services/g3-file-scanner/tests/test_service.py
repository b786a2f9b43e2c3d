"""The scanner as a process: killed, without its database, while files are written."""
