"""The last sample of fields, without reading all that came before it.

A node that reduces by itself sends two samples of a month as soon as of an hour. One of the
predecessor's would send every sample, so it is asked for little and for the last hour only. Of several
nodes that hold a source the live ones are asked first.
"""

from collections.abc import Sequence

from sisock.node import Limits
from sisock_consumer.target import Target

from sisock_http.asking.gather import Asker, together
from sisock_http.asking.question import Answer, Join, Question
from sisock_http.observatory.catalogue import Catalogue

HOUR_S, DAY_S = 3600.0, 86400.0
WINDOWS_S = (HOUR_S, DAY_S, 30 * DAY_S)
"""How far back to look, one window after the other."""

OLD_STRIDE_S = 60.0
AHEAD_S = 60.0
"""Clocks differ: a sample may be from what is the future here."""


async def latest(
    asker: Asker, catalogue: Catalogue, targets: Sequence[Target], now: float, until: float
) -> list[Answer]:
    """Answers that end with the last sample of each field, empty where there is none within 30 days.

    Parameters
    ----------
    asker : Asker
    catalogue : Catalogue
    targets : sequence of Target
        Each once.
    now : float
        The present, UNIX seconds.
    until : float
        The reactor's time at which the answer must be complete.

    Returns
    -------
    list of Answer
        In the order of `targets`.
    """
    able = [target for target in targets if _reduces(catalogue, target)]
    others = [target for target in targets if target not in set(able)]
    found: dict[Target, Answer] = {}

    async def ask(
        names: Sequence[Target], window_s: float, stride_s: float | None, join: Join = "all"
    ) -> list[Target]:
        if not names:
            return []
        answers = await asker.ask(
            Question(tuple(names), now - window_s, now + AHEAD_S, Limits(2, stride_s), join), until
        )
        found.update((answer.target, answer) for answer in answers)
        return [answer.target for answer in answers if not len(answer.series.t) and not answer.notice]

    async def look_back() -> None:
        names = await ask(able, HOUR_S, None, "newest")
        joined = [name for name in able if len(found[name].nodes) and not len(found[name].series.t)]
        names = list(dict.fromkeys([*names, *joined]))
        for window_s in WINDOWS_S[1:]:
            names = await ask(names, window_s, None)

    await together(ask(others, HOUR_S, OLD_STRIDE_S, "newest"), look_back())
    return [found[target] for target in targets]


def _reduces(catalogue: Catalogue, target: Target) -> bool:
    nodes = {target.node, *(held.node for held, _ in catalogue.sources.holders(target))}
    here = [entry for node in nodes if (entry := catalogue.online.get(node))]
    return bool(here) and all("max_points" in entry.info.capabilities for entry in here)
