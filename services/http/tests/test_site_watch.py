"""The site's file is looked at every few seconds, without a process, on a clock that the test moves."""

import os
from pathlib import Path

import pytest
import structlog
from sisock.node import Field
from sisock_consumer.consumer import NodeInfo
from sisock_consumer.replies import Listing
from sisock_consumer.target import Target
from sisock_http.observatory import catalogue as module
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.observatory.site import SiteWatch
from sisock_site import SiteFile
from sisock_testing.still import StillReactor
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred

LABELLED = '[[fields]]\nmatch = "n::a*"\nlabel = "{}"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.toml"


def write(path: Path, text: str, at: int) -> None:
    path.write_text(text)
    os.utime(path, (at, at))


def test_a_file_that_changes_is_read_within_five_seconds_and_its_faults_are_said_once(path: Path) -> None:
    reactor = StillReactor()
    changed: list[str] = []
    write(path, '[site]\nzone = "America/Santiago"\n', 1)
    watch = SiteWatch(
        reactor, structlog.get_logger(), SiteFile(path), lambda: changed.append(watch.site.zone)
    )
    with capture_logs() as logs:
        watch.start()
        assert (watch.site.zone, watch.problems, changed) == ("America/Santiago", [], [])
        assert reactor.in_threads == 0
        reactor.advance(5.0)
        assert (reactor.in_threads, changed) == (1, [])
        write(path, '[site]\nzone = "UTC"\n', 2)
        reactor.advance(4.9)
        assert changed == []
        reactor.advance(0.1)
        assert changed == ["UTC"]
        write(path, "[site]\nzone = 7\n", 3)
        reactor.advance(5.0)
        reactor.advance(5.0)
    assert (changed, watch.site.zone, len(watch.problems)) == (["UTC"], "UTC", 1)
    assert [line["event"] for line in logs] == ["site.read", "site.read", "site.wrong"]
    watch.stop()
    watch.stop()
    before = reactor.in_threads
    reactor.advance(60.0)
    assert reactor.in_threads == before


class Lister:
    """Answers at once, unless it is told to wait."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.waiting: Deferred[None] | None = None
        self.asked = 0

    async def list_fields(self, name: str, start: float, end: float, deadline_s: float) -> Listing:
        assert (name, start, end, deadline_s) == ("n", 1, 0, 10.0)
        self.asked += 1
        if self.waiting:
            await self.waiting
        return Listing([Field(one) for one in self.names], [])


def test_what_the_file_says_holds_for_fields_that_are_known_already(path: Path) -> None:
    reactor = StillReactor()
    file, lister = SiteFile(path), Lister("a1", "b")
    catalogue = Catalogue(reactor, lambda: 0.0, structlog.get_logger(), lister, lambda: file.site)
    catalogue.node_added(NodeInfo("n", ""))
    label = lambda: catalogue.label(Target("n", "a1"))  # noqa: E731
    assert label() == ""
    write(path, LABELLED.format("one"), 1)
    file.look()
    before = catalogue.changes
    catalogue.site_changed()
    assert (label(), catalogue.label(Target("n", "b")), lister.asked) == ("one", "", 1)
    assert catalogue.changes == before + 1
    # Who is being asked takes the answer as the file has it by then.
    reactor.advance(60.0)
    lister.waiting = Deferred()
    catalogue.refresh("n")
    write(path, LABELLED.format("two"), 2)
    file.look()
    catalogue.site_changed()
    assert label() == "one"
    lister.waiting.callback(None)
    assert (label(), lister.asked) == ("two", 2)
    assert reactor.in_threads == 0


@pytest.mark.parametrize(("count", "in_threads"), [(module.FEW_FIELDS, 0), (module.FEW_FIELDS + 1, 1)])
def test_many_fields_are_held_against_the_file_in_a_thread(path: Path, count: int, in_threads: int) -> None:
    reactor, file = StillReactor(), SiteFile(path)
    write(path, LABELLED.format("one"), 1)
    file.look()
    names = [f"a{i}" for i in range(count)]
    catalogue = Catalogue(reactor, lambda: 0.0, structlog.get_logger(), Lister(*names), lambda: file.site)
    catalogue.node_added(NodeInfo("n", ""))
    assert (reactor.in_threads, catalogue.label(Target("n", "a7"))) == (in_threads, "one")
    without = Catalogue(reactor, lambda: 0.0, structlog.get_logger(), Lister(*names))
    without.node_added(NodeInfo("n", ""))
    assert reactor.in_threads == in_threads
