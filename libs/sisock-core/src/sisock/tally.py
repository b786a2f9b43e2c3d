"""What befalls a data node that somebody may want to count. Here nobody does: `sisock.metrics` is for that.

What counts takes a megabyte, and where `METRICS_PORT` is not set nobody would read it.
"""

from contextlib import AbstractContextManager, nullcontext


class Tally:
    """Takes note of queries and of what came of them; this one forgets."""

    def timed(self, procedure: str) -> AbstractContextManager[None]:  # noqa: ARG002 (for who counts)
        """Take the time of a query."""
        return nullcontext()

    def failed(self, why: BaseException) -> None:
        """Count a query that failed."""

    def reaches(self, until: float) -> None:
        """The node said that it has data up to then (UNIX seconds)."""

    def listed(self, listed: bool) -> None:
        """Whether the hub lists the node changed."""
