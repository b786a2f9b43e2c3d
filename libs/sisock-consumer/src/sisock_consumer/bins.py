"""Even bins as data nodes send them, read as `sisock_consumer.replies` reads samples."""

from collections.abc import Mapping, Sequence

import numpy as np
from sisock.binning import STATISTICS
from sisock.node import Bins, Series

from sisock_consumer import replies

_NUMERIC = frozenset(("sum", "min", "max"))


def read_bins(
    node: str, parts: Sequence[object], names: Sequence[str]
) -> tuple[dict[str, Bins], dict[str, str]]:
    """Read the parts of an answer to ``get_data`` with ``bins``.

    Parameters
    ----------
    node : str
        The data node, for the sentences.
    parts : sequence
        The parts, in order.
    names : sequence of str
        The fields that were asked for.

    Returns
    -------
    bins : dict of Bins
        One for each field that has samples and could be read.
    problems : dict of str
        A sentence for each that could not be read.

    Raises
    ------
    NodeError
        If a part is no answer to ``get_data`` at all.
    """
    found = replies.read_data(node, parts, [f"{name}/{key}" for name in names for key in STATISTICS], {})
    bins: dict[str, Bins] = {}
    problems: dict[str, str] = {}
    for name in names:
        wrong = next((told for key in STATISTICS if (told := found.problems.get(f"{name}/{key}"))), "")
        given = {key: one for key in STATISTICS if (one := found.series.get(f"{name}/{key}")) and len(one.t)}
        if wrong:
            problems[name] = wrong
        elif given:
            made = _bins(name, given)
            if made is None:
                problems[name] = f"{node}::{replies.shown(name)}: bins that are none"
            else:
                bins[name] = made
    return bins, problems


def _bins(name: str, given: Mapping[str, Series]) -> Bins | None:
    """Bins of one field; None if a column is missing or makes no sense."""
    if set(STATISTICS) - _NUMERIC - given.keys():
        return None
    t = given["count"].t
    if any(len(one.t) != len(t) for one in given.values()) or not bool((t[1:] > t[:-1]).all()):
        return None
    plain = {key: one.values for key, one in given.items()}
    numbers = [plain[key] for key in plain if key not in ("first", "last")]
    if any(column.dtype.kind != "f" or np.isnan(column).any() for column in numbers):
        return None
    if not (plain.keys() >= _NUMERIC and plain["first"].dtype.kind == plain["last"].dtype.kind == "f"):
        plain = {key: column for key, column in plain.items() if key not in _NUMERIC}
    return Bins(name, t, **plain, finalized_until=given["count"].finalized_until)
