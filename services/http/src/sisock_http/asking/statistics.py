"""What bins show: one value of each, as a series whose times are where bins begin."""

from dataclasses import replace

from sisock.node import Bins, Column, Series

from sisock_http.asking.question import Answer

STATISTICS = ("mean", "min", "max", "first", "last", "count", "sum", "spread")
OF_ANY_KIND = frozenset(("count", "first", "last"))


def column(bins: Bins, statistic: str) -> Column | None:
    """One of `STATISTICS` of each bin; None where values are text or bools, and it is of numbers."""
    if statistic not in OF_ANY_KIND:
        if bins.sum is None or bins.min is None or bins.max is None:
            return None
        if statistic == "mean":
            return bins.sum / bins.count
        if statistic == "spread":
            return bins.max - bins.min
    plain: Column = getattr(bins, statistic)
    return plain


def shown(answer: Answer, statistic: str) -> Answer:
    """An answer of bins as one of samples; a notice says why there are none where there are bins."""
    bins = answer.bins
    if bins is None or not len(bins.t):
        return answer
    values = column(bins, statistic)
    if values is None:
        why = f"'{answer.target}' has values that are no numbers, and no {statistic} of them"
        return replace(answer, notice="; ".join(filter(None, [answer.notice, why])))
    series = Series(bins.name, bins.t, values, finalized_until=bins.finalized_until)
    field = answer.field
    if field is not None and statistic == "count":
        field = replace(field, units=None, type="number")
    return replace(answer, series=series, field=field)
