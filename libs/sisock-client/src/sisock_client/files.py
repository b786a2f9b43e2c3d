"""Samples as files: CSV, JSON, npz, Parquet, and a picture."""

import csv
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from sisock_consumer.spreadsheets import harmless

from sisock_client.errors import ClientError
from sisock_client.look import Look
from sisock_client.samples import Samples, plots
from sisock_client.times import iso


def write_csv(samples: Samples, out: IO[str]) -> None:
    """A row for each time that any field has (ISO 8601, UTC), a column a field; empty where it has none.

    The same text as the bridge's own CSV.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", *map(harmless, samples)])
    rows = _rows(samples)
    times = iso(np.array([t for t, _ in rows]))
    for moment, (_, row) in zip(times, rows, strict=True):
        writer.writerow([moment, *map(_cell, row)])


def write_json(samples: Samples, out: IO[str]) -> None:
    """For each field its unit, times (UNIX seconds) and values."""
    told = {
        name: {
            "units": samples.units.get(name),
            "t": t.tolist(),
            "values": [plain(v) for v in values.tolist()],
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


def require_writable(path: Path) -> None:
    """Say that a file cannot be written before its samples are fetched, which may take long.

    Raises
    ------
    ClientError
        If it is a directory, or lies in none that we may write to.
    """
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        why = (
            "it is a directory" if path.is_dir() else "there is no such directory, or we may not write there"
        )
        raise ClientError(f"{path} cannot be written: {why}")


def write(samples: Samples, kind: str, path: Path) -> None:
    """Write a file of one of the `FORMATS`.

    Raises
    ------
    ClientError
        If it cannot be written.
    """
    try:
        if kind in TEXT:
            with path.open("w", encoding="utf-8", newline="") as out:
                FORMATS[kind](samples, out)
        else:
            FORMATS[kind](samples, path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ClientError:
    return ClientError(f"{path} cannot be written: {error.strerror or error}")


def require_picture(path: Path) -> None:
    """Say that a file's ending is not one of a picture.

    Raises
    ------
    ClientError
        If it is not, or matplotlib is missing.
    """
    known = plots().kinds()
    if path.suffix[1:].lower() not in known:
        raise ClientError(
            f"-o {path}: give a file that ends in one of {', '.join(f'.{one}' for one in known)}"
        )


def write_plot(samples: Samples, path: Path, look: Look) -> list[str]:
    """Draw all fields over time; what is not in the picture, and why.

    Raises
    ------
    ClientError
        If there is nothing to draw, or the file cannot be written.
    """
    picture = plots().draw(samples, look)
    try:
        plots().save(picture, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    notes: list[str] = picture.notes
    return notes


FORMATS: dict[str, Callable[[Samples, Any], None]] = {
    "csv": write_csv,
    "json": write_json,
    "npz": write_npz,
    "parquet": write_parquet,
}
TEXT = ("csv", "json")


def _cell(value: Any) -> Any:
    """A value as CSV has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value if isinstance(value, int | float) else harmless(str(value))


def plain(value: Any) -> Any:
    """A value as JSON has it: None for NaN and for what is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rows(samples: Samples) -> list[tuple[float, list[Any]]]:
    rows: dict[float, list[Any]] = {}
    for at, (t, values) in enumerate(samples.values()):
        for time, value in zip(t.tolist(), values.tolist(), strict=True):
            rows.setdefault(time, [None] * len(samples))[at] = plain(value)
    return sorted(rows.items())
