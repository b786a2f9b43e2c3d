"""What may happen at an observatory, done to the real stack, and what that costs."""
