"""The data node: one field for each file of the archive."""

from collections.abc import Iterator, Sequence

from sisock import DataNode, Field, Limits, Series

from sisock_weather.archive import Archive


class WeatherNode(DataNode):
    """Serves a weather archive. Each file has a timeline of its own: cadences agree, times do not."""

    name = "apex_archive"
    description = "Archived APEX weather."

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def fields(self, start: float, end: float) -> Iterator[Field]:
        """List the files that have samples in the interval."""
        for name, file in self._archive.files().items():
            first, last = file.t.searchsorted([start, end])
            if last > first:
                timeline = f"{file.timeline}.{name}"
                yield Field(
                    name, file.description, file.units or None, timeline=timeline, interval=file.interval
                )

    def read(self, names: Sequence[str], start: float, end: float, _limits: Limits) -> Iterator[Series]:
        """Read from memory, without a copy."""
        files = self._archive.files()
        for name in names:
            if file := files.get(name):
                first, last = file.t.searchsorted([start, end])
                t, values = file.t[first:last], file.values[first:last]
                # A file grows at its end alone.
                final = float(file.t[-1]) if len(file.t) else None
                yield Series(name, t, values, f"{file.timeline}.{name}", final)
