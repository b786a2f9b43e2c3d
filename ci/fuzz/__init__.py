"""Nonsense for everything that reads what others wrote: requests, calls, replies, messages, files."""
