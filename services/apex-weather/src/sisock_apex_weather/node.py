"""The data node: one field for each quantity of the archive."""

from collections.abc import Iterator, Sequence

from sisock import DataNode, Field, Limits, Series
from sisock.metrics import Caches, Registry
from sisock_archive.dated_files import MOST_BYTES, DatedFiles

from sisock_apex_weather.archive import UNITS


class ApexWeatherNode(DataNode):
    """Serves the archive; every field has a timeline of its own."""

    name = "apex_weather"
    description = "APEX weather, as archived at the ACT site."

    def __init__(self, files: DatedFiles) -> None:
        self._files = files

    def measure(self, registry: Registry) -> None:
        """Show what is kept of the files."""
        registry.register(Caches({"files": self._files.cache}))

    def fields(self, start: float, end: float) -> Iterator[Field]:
        """List the quantities that have samples in the interval."""
        for name in self._files.series():
            interval = self._files.interval(name, start, end)
            if interval is not None:
                yield Field(name, f"APEX {name}", UNITS[name], interval=interval or None)

    def read(self, names: Sequence[str], start: float, end: float, limits: Limits) -> Iterator[Series]:
        """Read one quantity after the other, of a long range what its picture needs."""
        room = MOST_BYTES
        for name in names:
            t, values = self._files.read(name, start, end, limits, room)
            room -= t.nbytes + values.nbytes
            yield Series(name, t, values)
