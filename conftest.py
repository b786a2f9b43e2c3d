"""How test runs side by side share the tests: long files first, so that none is waited for at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
LONG = (ROOT / "ci" / "long-tests.txt").read_text().split()


def side_by_side(config: pytest.Config) -> bool:
    """Whether this is one of several processes that share the tests."""
    return hasattr(config, "workerinput")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have each process begin to collect elsewhere: what it compiles is there when the others come to it."""
    config = session.config
    if side_by_side(config):
        told = config.workerinput
        first = int(told["workerid"].removeprefix("gw")) * len(config.args) // told["workercount"]
        config.args = config.args[first:] + config.args[:first]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Put the files in one order for all processes, and those that take long before the rest."""
    if side_by_side(config):
        ranks = {name: rank for rank, name in enumerate(LONG)}
        places = {path: path.relative_to(ROOT).as_posix() for path in {item.path for item in items}}
        items.sort(key=lambda item: (ranks.get(places[item.path], len(ranks)), places[item.path]))
    return (yield)
