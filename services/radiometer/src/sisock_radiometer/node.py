"""The data node: precipitable water vapour."""

from collections.abc import Iterator, Sequence

from sisock import DataNode, Field, Limits, Series, decimate
from sisock.dated_files import DatedFiles

from sisock_radiometer.archive import INTERVAL_S, SERIES


class RadiometerNode(DataNode):
    """Serves the radiometer's one field."""

    name = "ucsc_radiometer"
    description = "UCSC radiometer on Cerro Toco."

    def __init__(self, files: DatedFiles) -> None:
        self._files = files

    def fields(self, start: float, end: float) -> Iterator[Field]:
        """List the field if it has samples in the interval."""
        if self._files.interval(SERIES, start, end) is not None:
            yield Field(SERIES, "Precipitable water vapour", "mm", interval=INTERVAL_S)

    def read(self, names: Sequence[str], start: float, end: float, limits: Limits) -> Iterator[Series]:
        """Read the field, reduced if the range is long."""
        if SERIES in names:
            t, values = self._files.read(SERIES, start, end)
            if limits.max_points is not None and limits.min_stride is None:
                kept = decimate.envelope(t, [values], limits.max_points)
                t, values = t[kept], values[kept]
            yield Series(SERIES, t, values)
