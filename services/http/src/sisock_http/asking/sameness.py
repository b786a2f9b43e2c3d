"""When an answer that is there already is the answer to another question, too: the rule and its bounds.

Pure: times in, a decision out. An answer may stand for another range only if both ranges hold the very same
samples, which its own first and last sample prove; and only for as long as its node has nothing new.

What is late is bounded by this: a sample is in every answer that is asked for once the node has said
`updated`, and in every answer that is asked for `LIFE_S` after it was there, whatever the node says.
Only a range that ended `NEAR_S` or more before it was asked for may be kept longer: until the node says
something, but no longer than `TOLD_S`; or for `FINAL_S` if the node said that nothing in it will change.
"""

from dataclasses import dataclass

from sisock.node import Limits

LIFE_S = 1.0
"""How old an answer may be that reaches the present."""

TOLD_S = 10.0
"""How old one of the past may be of a node that says when it has something new."""

FINAL_S = 600.0
"""How old one may be that cannot change: a site may have put files in their place all the same."""

NEAR_S = 2.0
"""A range whose end is no farther from the present ends now, as far as the clocks agree."""

AHEAD_S = 1.0
"""By how much more is asked for then, so that who asks a moment later needs to ask nobody."""


@dataclass(frozen=True, slots=True)
class Span:
    """What an answer is of, and what came.

    Parameters
    ----------
    start, end : float
        As the node was asked, UNIX seconds: ``[start, end)``.
    first, last : float
        Times of the first and last sample of any field; infinitely late and early if there is none.
    exact : bool
        Whether the first and the last sample of the range need not be among those that came.
    """

    start: float
    end: float
    first: float = float("inf")
    last: float = float("-inf")
    exact: bool = False

    def covers(self, start: float, end: float) -> bool:
        """Whether the answer is, sample for sample, that for ``[start, end)``.

        Nothing that came lies outside of that range, and nothing in it was not asked for. The first and the
        last sample of a range are never reduced away: none that was reduced away lies outside either.
        """
        if self.exact:
            return start == self.start and end == self.end
        return self.start <= start <= self.first and self.last < end <= self.end

    def holds(self, start: float, end: float) -> bool:
        """Whether the answer for ``[start, end)`` is a part of this one, if nothing was reduced away."""
        return not self.exact and self.start <= start and end <= self.end

    def shows_later_than(self, end: float) -> bool:
        """Whether there are samples that a range with this end must not have."""
        return end <= self.last


@dataclass(frozen=True, slots=True)
class Asked:
    """Circumstances under which a node was asked.

    Parameters
    ----------
    at : float
        On a clock that is never set.
    now : float
        UNIX seconds, then.
    news : int
        How often the node had said that it has something new.
    """

    at: float
    now: float
    news: int


def loses_ends(limits: Limits) -> bool:
    """Whether limits may take the first or the last sample of a range away."""
    return limits.min_stride is not None or (limits.max_points is not None and limits.max_points < 2)


def end_to_ask(end: float, now: float) -> float:
    """Until when to ask, so that the answer may be that of questions that come a moment later."""
    return end + AHEAD_S if abs(end - now) <= NEAR_S else end


def is_fresh(asked: Asked, end: float, *, final: bool, at: float, news: int) -> bool:
    """Whether an answer is still as good as a new one.

    Parameters
    ----------
    asked : Asked
    end : float
        Until when the node was asked, UNIX seconds.
    final : bool
        Whether the node said that nothing in the range will change.
    at : float
        The present, on the clock of `Asked.at`.
    news : int
        How often the node has said by now that it has something new; zero if it never does.
    """
    age_s = at - asked.at
    if final:
        return age_s < FINAL_S
    if news != asked.news:
        return False
    if end > asked.now - NEAR_S:
        return age_s < LIFE_S
    return news > 0 and age_s < TOLD_S


def may_wait(asked: Asked, under_way: Span, start: float, end: float, *, at: float, news: int) -> bool:
    """Whether to wait for an answer that is under way, and may be that for ``[start, end)``, too.

    Whether it is, only its samples tell.
    """
    if news != asked.news:
        return False
    if under_way.exact or at - asked.at >= LIFE_S:
        return False
    return under_way.start <= start <= under_way.start + AHEAD_S and end <= under_way.end <= end + AHEAD_S
