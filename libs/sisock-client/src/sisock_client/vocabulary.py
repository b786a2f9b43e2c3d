"""Words and defaults that the command line shares with what it runs: imports nothing."""

URL = "http://localhost:5000"
"""Of the bridge, where nobody says another."""

DEADLINE_S = 60.0

DPI = 200.0
"""Pixels an inch, of a plot."""

STATISTICS = ("mean", "min", "max", "first", "last", "count", "sum", "spread")
"""What there is of each bin."""

STATES = ("unknown", "fresh", "late", "silent", "warning", "alarm")
"""How a field can be, as watch says."""

FORMATS = ("csv", "json", "npz", "parquet")
"""Of files of samples."""

SHELLS = ("bash", "zsh", "fish")
