"""What ends a step, as one sentence."""


class CiError(Exception):
    """A step failed."""
