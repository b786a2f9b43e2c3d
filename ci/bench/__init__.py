"""Benchmarks: every speed that the project claims, as ratios within one run."""
