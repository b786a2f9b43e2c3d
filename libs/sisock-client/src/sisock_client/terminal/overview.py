"""How the observatory is, for `sisock top`: what watch told last, and what that is worth now.

Knows nothing of terminals and of the network. What nobody can tell is unknown: it is never taken for well.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sisock_client.globs import fits

STALE_S = 30.0
"""The bridge says something every 15 s at least: who has heard nothing for longer knows nothing."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to stand: the worst has the greatest rank; a shape and a word, for colours alone say nothing."""

    rank: int
    tone: str
    shape: str
    word: str


_BEST_FIRST = (
    ("fresh", "grey", "●", "fresh"),
    ("unknown", "unknown", "?", "not known"),
    ("late", "amber", "◆", "late"),
    ("warning", "amber", "◆", "near a limit"),
    ("silent", "red", "▲", "silent"),
    ("gone", "red", "✕", "gone"),
    ("alarm", "red", "▲", "out of limits"),
)
KINDS = {name: Kind(rank, *how) for rank, (name, *how) in enumerate(_BEST_FIRST)}
TROUBLE = KINDS["late"].rank


@dataclass(frozen=True, slots=True)
class Row:
    """A field, or a node that is lost: ages are in seconds, None where they are not known."""

    kind: Kind
    name: str
    label: str = ""
    value: Any = None
    units: str = ""
    age_s: float | None = None
    since: float | None = None
    why: str = ""
    node: str = ""


class Overview:
    """What is known.

    Parameters
    ----------
    clock : callable
        The present here, UNIX seconds. Ages are by the clock of whoever told.
    globs : sequence of str
        Only fields with such names; all if there are none.
    """

    def __init__(self, clock: Callable[[], float], globs: Sequence[str] = ()) -> None:
        self._clock = clock
        self._globs = globs
        self._fields: dict[str, Mapping[str, Any]] = {}
        self._nodes: dict[str, Mapping[str, Any]] = {}
        self._newest: dict[str, tuple[float, Any]] = {}
        self._ahead_s = 0.0
        self._why = "not asked yet"
        self._lost_at: float | None = None
        self._heard: float | None = None
        self.epoch, self.seq = "", 0

    @property
    def now(self) -> float:
        """The present where things are watched, as far as it is known."""
        return self._clock() + self._ahead_s

    @property
    def why_unknown(self) -> str:
        """Why nothing is known now; empty if something is."""
        if self._why:
            return self._why
        quiet = self._clock() - (self._heard or 0.0)
        return f"nothing was heard for {quiet:.0f} s" if quiet > STALE_S else ""

    @property
    def known_until(self) -> float | None:
        """When something was known last, by the clock here; None if nothing ever was."""
        return self._lost_at if self._why else self._heard

    def heard(self) -> None:
        """Whoever tells is there, though nothing may be new."""
        self._heard = self._clock()

    def take(self, told: Mapping[str, Any]) -> None:
        """Take in an answer, or changes; another run of watch tells everything anew."""
        if not told["watch"]:
            for one in told["fields"]:
                self._fields.setdefault(one["field"], one)
            self.lose(told["why"])
            self.epoch, self.seq = "", 0
            return
        if told["epoch"] != self.epoch:
            self._fields, self._nodes = {}, {}
        elif told["seq"] < self.seq:
            return
        self._fields.update((one["field"], one) for one in told["fields"])
        self._nodes.update((one["name"], one) for one in told["nodes"])
        self.epoch, self.seq = told["epoch"], told["seq"]
        self._ahead_s = told["now"] - self._clock()
        self._why, self._lost_at = "", None
        self.heard()

    def sample(self, name: str, t: float, value: Any) -> None:
        """A newer sample of a field."""
        self._newest[name] = (t, value)
        self.heard()

    def lose(self, why: str) -> None:
        """Nobody tells any more: what was told says nothing of now."""
        if not self._why:
            self._lost_at = self._heard
        self._why = why

    def rows(self) -> list[Row]:
        """Each field, the worst first; of two that are as bad, what began last; what is well by its name."""
        made = [
            self._row(one)
            for one in self._fields.values()
            if fits((one["field"], *one.get("holders", ())), self._globs)
        ]

        def order(row: Row) -> tuple[int, float, str]:
            began = row.since if row.since is not None and row.kind.rank >= TROUBLE else 0.0
            return -row.kind.rank, -began, row.name

        return sorted(made, key=order)

    def lost_nodes(self) -> list[Row]:
        """Nodes that are away and were not always."""
        if self.why_unknown:
            return []
        globs = [glob.partition("::")[0] for glob in self._globs]
        return [
            Row(KINDS["gone"], one["name"], "node", since=one["since"], why=one["why"], node=one["name"])
            for _, one in sorted(self._nodes.items())
            if not one["here"] and fits((one["name"],), globs)
        ]

    def _row(self, one: Mapping[str, Any]) -> Row:
        name = one["field"]
        t, value = one["t"], one["value"]
        newest = self._newest.get(name)
        if newest and (t is None or newest[0] > t):
            t, value = newest
        node = name.partition("::")[0]
        kind = one["state"] if one["state"] in KINDS else "unknown"
        since, why = one["since"], one["why"]
        if self.why_unknown:
            kind, since, why = "unknown", None, f"was {KINDS[kind].word}" if kind != "unknown" else ""
        elif kind == "unknown" and node in self._nodes and not self._nodes[node]["here"]:
            kind = "gone"
        return Row(
            KINDS[kind],
            name,
            one["label"] or "",
            value,
            one["units"] or "",
            None if t is None else self.now - t,
            since,
            why,
            node,
        )


def counted(rows: Iterable[Row]) -> list[tuple[Kind, int]]:
    """How many there are of each kind, the worst first."""
    found: dict[Kind, int] = {}
    for row in rows:
        found[row.kind] = found.get(row.kind, 0) + 1
    return sorted(found.items(), key=lambda one: -one[0].rank)
