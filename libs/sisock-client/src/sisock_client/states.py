"""How things are, as the node `watch` says through the bridge: for a terminal, and for the check."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sisock_client.globs import fits
from sisock_client.health import Finding, State

BAD = ("alarm", "silent")
NOTEWORTHY = ("warning", "late")
MOST_TOLD = 20


def chosen(told: Mapping[str, Any], globs: Sequence[str]) -> dict[str, Any]:
    """What was told of fields with such names; a series has a name at each node that holds it."""
    if not globs:
        return dict(told)
    fields = [one for one in told["fields"] if fits((one["field"], *one.get("holders", ())), globs)]
    nodes = [
        one for one in told["nodes"] if fits((one["name"],), [glob.partition("::")[0] for glob in globs])
    ]
    return {**told, "fields": fields, "nodes": nodes}


def names(told: Mapping[str, Any]) -> list[str]:
    """Every name of a field, and of those that are missing of nodes."""
    return [
        *(name for one in told["fields"] for name in (one["field"], *one.get("holders", ()))),
        *(f"{one['name']}::" for one in told["nodes"] if not one["here"]),
    ]


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """A line for each node that is missing, and for each field."""
    for node in told["nodes"]:
        if not node["here"]:
            yield f"{'unknown':<8} {_time(node['since'])}  {node['name']:<44} {node['why']}".rstrip()
    for one in told["fields"]:
        name = f"{one['field']} ({one['label']})" if one["label"] else one["field"]
        yield f"{one['state']:<8} {_time(one['since'])}  {name:<44} {one['why']}".rstrip()


def findings(told: Mapping[str, Any]) -> Iterator[Finding]:
    """What is to be thought of it."""
    if not told["watch"]:
        yield Finding(State.OPEN, f"how the fields are is unknown: {told['why']}")
        return
    counts = ", ".join(f"{number} {word}" for word, number in told["counts"].items() if number)
    yield Finding(State.GOOD, f"watch says how fields are: {counts or 'there are none'}")
    for node in told["nodes"]:
        if node["expected"] and not node["here"]:
            yield Finding(State.WRONG, f"{node['name']}: the site expects it; {node['why']}")
    worst = sorted(
        (one for one in told["fields"] if one["state"] in (*BAD, *NOTEWORTHY)),
        key=lambda one: (*BAD, *NOTEWORTHY).index(one["state"]),
    )
    for one in worst[:MOST_TOLD]:
        thought = State.WRONG if one["state"] in BAD else State.OPEN
        yield Finding(thought, f"{one['field']}: {one['state']} since {_time(one['since'])}: {one['why']}")
    if len(worst) > MOST_TOLD:
        yield Finding(State.OPEN, f"and {len(worst) - MOST_TOLD} more: sisock state says which")


def _time(t: float | None) -> str:
    if t is None:
        return " " * 20
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
