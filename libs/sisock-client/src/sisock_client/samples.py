"""What comes back: columns by field, with their units, and what is missing and why."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sisock_consumer.target import Target

from sisock_client import summary
from sisock_client.curves import Column
from sisock_client.errors import ClientError, UnknownFieldError
from sisock_client.look import PLAIN, Look
from sisock_client.times import microseconds

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from sisock_client.plots import Picture


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """A data node that is online."""

    name: str
    description: str
    fields: int


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field: `field` is its whole name, ``node::field``; `source` what it measures, whoever serves it;
    `label` what people call it.
    """

    field: str
    description: str | None
    units: str | None
    type: str
    interval: float | None
    source: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: `field` is ``node::field``, `t` UNIX seconds."""

    field: str
    t: float
    value: Any


@dataclass(frozen=True, slots=True)
class Last:
    """The newest sample of a field; `t` and `value` are None where there is none within 30 days."""

    field: str
    t: float | None
    value: Any
    units: str | None = None


@dataclass(frozen=True, slots=True)
class Latest(Mapping[str, Last]):
    """Newest samples by field.

    Attributes
    ----------
    rows : dict of Last
        By field.
    notices : list of str
        What is missing, and why.
    """

    rows: dict[str, Last]
    notices: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Last:
        return self.rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def _repr_html_(self) -> str:
        return summary.of_latest(self.values(), self.notices)


@dataclass(frozen=True, slots=True)
class Samples(Mapping[str, tuple[Column, Column]]):
    """Samples of several fields: a mapping of field to ``(t, values)``.

    Attributes
    ----------
    columns : dict of (t, values)
        `t` is (n,) float64, UNIX seconds, ascending; `values` (n,) numbers, bools or str.
    units : dict of str or None
        By field.
    notices : list of str
        What is missing from the reply, and why.
    """

    columns: dict[str, tuple[Column, Column]]
    units: dict[str, str | None] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> tuple[Column, Column]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def _repr_html_(self) -> str:
        return summary.of_samples(self.columns, self.units, self.notices)

    def any(self) -> bool:
        """Whether there is a single sample."""
        return any(len(t) for t, _ in self.columns.values())

    def plot(self, look: Look = PLAIN) -> "Picture":
        """Draw them: a panel for each unit, a band for each field of text; a matplotlib figure."""
        picture: Picture = plots().draw(self, look)
        return picture

    def pandas(self) -> "pd.DataFrame":
        """One table: a column a field, a row for each time that any field has, indexed by UTC time.

        Units are in ``frame.attrs["units"]``, by field.
        """
        pandas = _module("pandas")
        series = []
        for name, (t, values) in self.columns.items():
            index = pandas.DatetimeIndex(microseconds(t).astype("datetime64[ns]")).tz_localize("UTC")
            one = pandas.Series(values, index=index, name=name)
            series.append(one[~one.index.duplicated(keep="last")])
        frame: pd.DataFrame = pandas.concat(series, axis=1, sort=False) if series else pandas.DataFrame()
        frame.index.name = "time"
        frame.attrs["units"] = dict(self.units)
        return frame.sort_index()

    def xarray(self) -> "xr.Dataset":
        """One dataset: a variable a field along a common time (UTC, no zone), units in its attributes."""
        xarray = _module("xarray")
        frame = self.pandas()
        frame = frame.tz_convert(None)
        dataset: xr.Dataset = xarray.Dataset.from_dataframe(frame)
        for name in dataset.data_vars:
            if self.units.get(str(name)):
                dataset[name].attrs["units"] = self.units[str(name)]
        return dataset


def known_only(
    columns: dict[str, tuple[Column, Column]], units: dict[str, str | None], notices: list[str]
) -> Samples:
    """Samples of fields, with a notice for each that neither has samples nor is known to the stack.

    Parameters
    ----------
    columns : dict of (t, values)
        What came, by field.
    units : dict of str or None
        Of every field that the stack knows.
    notices : list of str
        What is missing, as far as it has been said.

    Raises
    ------
    UnknownFieldError
        If there is none among them that is known: a name was misspelt, or its node is away.
    """
    empty = [name for name, (t, _) in columns.items() if not len(t)]
    told = unknown_told(empty, units, len(columns), notices)
    return Samples(columns, {name: units.get(name) for name in columns}, told)


def unknown_told(
    empty: Sequence[str], known: Container[str], asked: int, notices: Sequence[str]
) -> list[str]:
    """Notices, with one more for each of the empty fields that is not known to the stack.

    Raises
    ------
    UnknownFieldError
        If that is all that was `asked` for.
    """
    unknown = [name for name in empty if name not in known]
    told = list(notices)
    for name in unknown:
        if not any(Target.parse(name).node in notice for notice in told):
            told.append(f"there is no field {name!r}")
    if unknown and len(unknown) == asked:
        why = "; ".join(dict.fromkeys(told))
        raise UnknownFieldError(f"there is no field {' or '.join(map(repr, unknown))} ({why})")
    return told


def plots() -> Any:
    """The module that draws.

    Raises
    ------
    ClientError
        If matplotlib is missing.
    """
    try:
        return import_module("sisock_client.plots")
    except ImportError as error:
        raise ClientError("matplotlib is not installed: pip install 'sisock-client[plot]'") from error


def _module(name: str) -> Any:
    """Import what is only needed for one kind of result."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ClientError(f"{name} is not installed: pip install 'sisock-client[{name}]'") from error
