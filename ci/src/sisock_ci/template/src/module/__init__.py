"""Data server of @title@."""
