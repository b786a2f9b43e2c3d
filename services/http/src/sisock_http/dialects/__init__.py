"""What requests mean and how replies look, a module for each who asks; translates, nothing more."""
