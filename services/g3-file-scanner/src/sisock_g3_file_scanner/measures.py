"""What Prometheus reads of the scanner: its rounds, how far it is, and whether the database is here."""

from prometheus_client import CollectorRegistry, Counter, Gauge
from sisock.metrics import Known

ROUND, GLANCE = "round", "glance"


class Measures:
    """Counts what is scanned.

    Parameters
    ----------
    registry : CollectorRegistry, optional
        Without one nobody reads it.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._scans = Counter(
            "sisock_scans",
            "Rounds over the whole archive, and glances at growing files",
            ["kind"],
            registry=registry,
        )
        self._done = Gauge(
            "sisock_scan_done_timestamp_seconds", "When the last one ended", ["kind"], registry=registry
        )
        self._seconds = Gauge(
            "sisock_scan_seconds", "How long the last one took", ["kind"], registry=registry
        )
        self._files = Counter(
            "sisock_scan_files", "Files that were indexed, anew or further", registry=registry
        )
        self._frames = Counter("sisock_scan_frames", "Frames that were indexed", registry=registry)
        self._left = Gauge(
            "sisock_scan_left_bytes", "What the present scan has still to read", registry=registry
        )
        self._database = Known(registry, "sisock_database_up", "Whether the database answers")
        self._errors = Counter("sisock_scan_errors", "Scans that failed", ["cause"], registry=registry)

    def done(self, kind: str, at: float, seconds: float, files: int, frames: int) -> None:
        """A scan ended well."""
        self._scans.labels(kind).inc()
        self._done.labels(kind).set(at)
        self._seconds.labels(kind).set(seconds)
        self._files.inc(files)
        self._frames.inc(frames)
        self._database.set(1)

    def database_away(self, cause: str) -> None:
        """A scan failed since the database is ``away`` or ``busy``."""
        self._errors.labels(cause).inc()
        self._database.set(0)

    def left(self, size_bytes: int) -> None:
        """How far the present scan is."""
        self._left.set(size_bytes)
