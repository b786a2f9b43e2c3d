"""The data node: precipitable water vapour."""

from collections.abc import Iterator, Sequence

from sisock import DataNode, Field, Limits, Series
from sisock.metrics import Caches, Registry
from sisock_archive.dated_files import DatedFiles

from sisock_radiometer.archive import INTERVAL_S, SERIES


class RadiometerNode(DataNode):
    """Serves the radiometer's one field."""

    name = "ucsc_radiometer"
    description = "UCSC radiometer on Cerro Toco."

    def __init__(self, files: DatedFiles) -> None:
        self._files = files

    def measure(self, registry: Registry) -> None:
        """Show what is kept of the files."""
        registry.register(Caches({"files": self._files.cache}))

    def fields(self, start: float, end: float) -> Iterator[Field]:
        """List the field if it has samples in the interval."""
        if self._files.interval(SERIES, start, end) is not None:
            yield Field(SERIES, "Precipitable water vapour", "mm", interval=INTERVAL_S)

    def read(self, names: Sequence[str], start: float, end: float, limits: Limits) -> Iterator[Series]:
        """Read the field, of a long range what its picture needs."""
        if SERIES in names:
            t, values = self._files.read(SERIES, start, end, limits)
            yield Series(SERIES, t, values)
