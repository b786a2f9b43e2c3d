"""Builds, tests, pushes and releases sisock's images."""
