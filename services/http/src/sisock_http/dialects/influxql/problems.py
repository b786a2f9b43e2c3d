"""What InfluxDB says when a statement cannot be answered."""


class InfluxError(Exception):
    """A sentence: the error of one statement; those after it are not executed."""


class ParseError(InfluxError):
    """The text is no InfluxQL: nothing of it is executed."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"error parsing query: {problem}")
