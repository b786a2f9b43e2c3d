"""Writes housekeeping files as OCS's aggregator does, through so3g."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any] | Sequence[str]


@dataclass(frozen=True, slots=True)
class Feed:
    """A provider that a `Writer` knows."""

    prov_id: int


class Writer:
    """One file.

    Parameters
    ----------
    path : Path
    session_id : int
    version : int
        Of hkagg: 1 or 2 are written by so3g's own session helper; 0 has the blocks of before.
    """

    def __init__(self, path: Path, session_id: int = 1234, version: int = 2) -> None:
        from so3g import hk  # noqa: PLC0415 (only tests that write files need it)
        from so3g.spt3g import core  # noqa: PLC0415

        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._core = core
        self._version = version
        self._session = hk.HKSessionHelper(session_id=session_id, hkagg_version=version)
        self._writer = core.G3Writer(str(path))
        self._writer.Process(self._session.session_frame())

    def feed(self, description: str) -> Feed:
        """Announce a provider."""
        prov_id = self._session.add_provider(description)
        self._writer.Process(self._session.status_frame())
        return Feed(prov_id)

    def drop(self, feed: Feed) -> None:
        """Announce that a provider is gone."""
        self._session.remove_provider(feed.prov_id)
        self._writer.Process(self._session.status_frame())

    def data(self, feed: Feed, t: npt.NDArray[np.float64], **blocks: Mapping[str, Values]) -> None:
        """Write a frame of blocks that share their times.

        Parameters
        ----------
        feed : Feed
        t : (n,) float64
            UNIX seconds.
        **blocks : mapping of str
            Columns of each block: float64, integers, bools, or a list of str.
        """
        frame = self._session.data_frame(feed.prov_id, timestamp=float(t[0]) if len(t) else 0.0)
        ticks = np.round(np.asarray(t) * 1e8).astype(np.int64)
        for name, columns in blocks.items():
            frame["blocks"].append(self._block(ticks, columns))
            if self._version >= 2:
                frame["block_names"].append(name)
        self._writer.Process(frame)

    def flush(self) -> None:
        """Hand what is written to the file."""
        self._writer.Flush()

    def close(self) -> None:
        """End the file; there is no end frame."""
        self._writer.Flush()
        del self._writer

    def _block(self, ticks: npt.NDArray[np.int64], columns: Mapping[str, Values]) -> Any:
        core = self._core
        if self._version == 0:
            from so3g import IrregBlockDouble  # noqa: PLC0415

            old = IrregBlockDouble()
            old.t = ticks / 1e8
            for name, values in columns.items():
                old.data[name] = np.asarray(values, dtype=float)
            return old
        block = core.G3TimesampleMap()
        block.times = core.G3VectorTime(ticks)
        for name, values in columns.items():
            block[name] = self._column(values)
        return block

    def _column(self, values: Values) -> Any:
        core = self._core
        if not isinstance(values, np.ndarray):
            return core.G3VectorString([str(value) for value in values])
        if values.dtype.kind == "b":
            return core.G3VectorBool(values.tolist())
        if values.dtype.kind in "iu":
            return core.G3VectorInt(values.tolist())
        return core.G3VectorDouble(values.astype(np.float64))
