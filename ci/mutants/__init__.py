"""Mistakes planted one at a time: which of them do the tests notice? For development only."""
