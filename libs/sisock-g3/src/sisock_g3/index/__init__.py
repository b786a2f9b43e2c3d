"""What is asked of the index's tables, and written to them: all SQL of our schema is in this package."""
