"""Client and command line for people who read data of sisock."""
