"""Samples as files: CSV, JSON, npz, Parquet, and a plot."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from sisock_client.errors import ClientError
from sisock_client.samples import Samples


def write_csv(samples: Samples, out: IO[str]) -> None:
    """A row for each time that any field has (UNIX seconds), a column a field; empty where it has none."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", *samples])
    for t, row in _rows(samples):
        writer.writerow([repr(t), *("" if value is None else value for value in row)])


def write_json(samples: Samples, out: IO[str]) -> None:
    """For each field its unit, times (UNIX seconds) and values."""
    told = {
        name: {
            "units": samples.units.get(name),
            "t": t.tolist(),
            "values": [_plain(v) for v in values.tolist()],
        }
        for name, (t, values) in samples.items()
    }
    json.dump(told, out, allow_nan=False)
    out.write("\n")


def write_npz(samples: Samples, path: Path) -> None:
    """For each field an array of its name, and one of that name and ``/time``."""
    arrays = {name: np.asarray(values) for name, (_, values) in samples.items()}
    arrays |= {f"{name}/time": t for name, (t, _) in samples.items()}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def write_parquet(samples: Samples, path: Path) -> None:
    """One table, as pandas reads it back."""
    try:
        samples.pandas().to_parquet(path)
    except ImportError as error:
        raise ClientError("pyarrow is not installed: pip install 'sisock-client[parquet]'") from error


def write_plot(samples: Samples, path: Path) -> None:
    """All fields over time, an axis for each unit."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (an extra)
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise ClientError("matplotlib is not installed: pip install 'sisock-client[plot]'") from error
    units = list(dict.fromkeys(samples.units.get(name) or "" for name in samples))
    figure: Any = Figure(figsize=(10, 3 * max(1, len(units))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(1, len(units)), 1, sharex=True, squeeze=False)[:, 0]
    for name, (t, values) in samples.items():
        axis = axes[units.index(samples.units.get(name) or "")]
        if len(values) and isinstance(values[0], str):
            raise ClientError(f"{name} is text, which cannot be plotted")
        axis.plot((t * 1e3).astype("datetime64[ms]"), values, label=name, linewidth=0.8)
    for axis, unit in zip(axes, units, strict=False):
        axis.set_ylabel(unit)
        axis.legend(fontsize="small", loc="upper left")
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("UTC")
    figure.savefig(path, dpi=120)


FORMATS: dict[str, Callable[[Samples, Any], None]] = {
    "csv": write_csv,
    "json": write_json,
    "npz": write_npz,
    "parquet": write_parquet,
}
TEXT = ("csv", "json")


def _plain(value: Any) -> Any:
    """A value as JSON has it: no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rows(samples: Samples) -> list[tuple[float, list[Any]]]:
    rows: dict[float, list[Any]] = {}
    for at, (t, values) in enumerate(samples.values()):
        for time, value in zip(t.tolist(), values.tolist(), strict=True):
            rows.setdefault(time, [None] * len(samples))[at] = _plain(value)
    return sorted(rows.items())
