"""What a request may ask, in which order it is answered, and what of the predecessor's tables counts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sisock import Limits
from sisock.config import load
from sisock.errors import SisockError, TooMuchDataError
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.layout import TICKS_PER_SECOND
from sisock_g3.refusals import DatabaseAwayError
from sisock_g3.summary import SECOND
from sisock_g3.testing import Writer, make_index
from sisock_g3_reader import node as module
from sisock_g3_reader.node import G3Reader, _ticks
from sisock_g3_reader.select import drawn_width
from structlog.testing import capture_logs

T0 = 1.6e9
A = "observatory.a.feeds.x"
BEGIN = 16_000 * 86_400 * SECOND
OURS = ("spans", "chunks", "tiles", "stale", "fields", "providers", "files", "schema")


def write(path: Path, t0: float = T0, n: int = 30, **columns: Any) -> None:
    writer = Writer(path)
    writer.data(writer.feed(A), t0 + np.arange(float(n)), block=columns or {"ch": np.arange(float(n))})
    writer.close()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"SQL_FILE": str(tmp_path / "index.sqlite")}


@pytest.fixture
def change(environ: dict[str, str]) -> Callable[..., None]:
    def execute(*statements: str) -> None:
        database = Database(load(SqlConfig, environ))
        for statement in statements:
            database.execute(statement)
        database.close()

    return execute


@pytest.fixture
def node(tmp_path: Path, environ: dict[str, str], make_reader: Any) -> Any:
    write(tmp_path / "data" / "1.g3", ch=np.arange(30.0), word=[str(i) for i in range(30)])
    make_index(tmp_path / "data", environ)
    made = make_reader(environ)
    yield made
    made.close()


def test_an_empty_range_or_one_that_ends_before_it_begins_has_nothing(node: G3Reader) -> None:
    assert len(node.fields(T0 + 5, T0 + 6)) == 2
    for start, end in ((T0 + 5, T0 + 5), (T0 + 6, T0 + 5)):
        assert node.fields(start, end) == []
        assert node.read([f"{A}.ch"], start, end, Limits()) == []


def test_a_reply_may_be_as_large_as_is_allowed_and_no_larger(node: G3Reader) -> None:
    for allowed, names, limits in (
        (30, ["ch"], Limits()),
        (60, ["ch", "word"], Limits()),
        # What is drawn is small, texts are read all the same.
        (60, ["ch", "word"], Limits(max_points=20)),
        (30, ["ch", "word"], Limits(min_stride=400.0)),
    ):
        wanted = [f"{A}.{name}" for name in names]
        node._most_bytes = 16 * allowed
        assert len(node.read(wanted, T0, T0 + 100, limits)) == len(names)
        node._most_bytes -= 1
        with pytest.raises(
            TooMuchDataError, match=f"{allowed} samples are more than {16 * allowed - 1} bytes"
        ):
            node.read(wanted, T0, T0 + 100, limits)


def test_only_a_long_request_waits_for_its_turn(node: G3Reader) -> None:
    with node._turn, node._in_turn(2_000_000):
        pass
    taken = [node._in_turn(2_000_001) for _ in range(4)]
    assert node._long.acquire(blocking=False)
    with taken[0]:
        assert node._turn.locked()
    for _ in range(3):
        assert node._long.acquire(blocking=False)
    with pytest.raises(SisockError, match="4 long requests are being answered already"), taken[1]:
        pass
    assert not node._turn.locked()
    assert G3Reader.threads > 4


class Away:
    """A database whose connection was lost meanwhile."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked: list[str] = []

    def query(self, statement: str) -> None:
        self.asked.append(statement)
        if len(self.asked) <= self.times:
            raise DatabaseAwayError("lost")

    def transaction(self, *, write: bool) -> Any:
        assert not write
        return structlog.testing.capture_logs()


def test_a_connection_that_was_lost_is_made_once_more_before_a_question() -> None:
    once, twice = Away(1), Away(2)
    with module._reading(once):  # type: ignore[arg-type]
        pass
    assert len(once.asked) == 2
    with pytest.raises(DatabaseAwayError), module._reading(twice):  # type: ignore[arg-type]
        pass


def test_the_kind_of_a_field_is_that_of_the_newest_file_that_has_it(
    tmp_path: Path, environ: dict[str, str], change: Callable[..., None], make_reader: Any
) -> None:
    write(tmp_path / "data" / "1.g3", ch=np.arange(30.0), old=np.ones(30) > 0)
    make_index(tmp_path / "data", environ)
    write(tmp_path / "data" / "2.g3", T0 + 100, ch=["x"] * 30)
    make_index(tmp_path / "data", environ)
    change(*(f"DROP TABLE sisock_{table}" for table in OURS))
    node = make_reader(environ)
    assert {field.name: field.type for field in node.fields(T0, T0 + 1000)} == {
        f"{A}.ch": "string",
        f"{A}.old": "bool",
    }
    [one] = node.read([f"{A}.ch"], T0, T0 + 10, Limits())
    assert one.values.tolist() == [str(float(i)) for i in range(10)]
    node.close()


def test_a_field_that_no_file_of_the_predecessors_tells_of_is_one_of_numbers(
    tmp_path: Path, environ: dict[str, str], change: Callable[..., None], make_reader: Any
) -> None:
    write(tmp_path / "data" / "1.g3")
    make_index(tmp_path / "data", environ)
    change(*(f"DROP TABLE sisock_{table}" for table in OURS), "UPDATE fields SET field = 'gone'")
    node = make_reader(environ)
    assert [(field.name, field.type) for field in node.fields(T0, T0 + 10)] == [(f"{A}.gone", "number")]
    assert node.read([f"{A}.gone"], T0, T0 + 10, Limits()) == []
    node.close()


def test_of_the_predecessors_tables_without_a_file_nothing_is_said(
    tmp_path: Path, environ: dict[str, str], change: Callable[..., None], make_reader: Any
) -> None:
    (tmp_path / "data").mkdir()
    make_index(tmp_path / "data", environ)
    change(*(f"DROP TABLE sisock_{table}" for table in OURS))
    with capture_logs() as logs:
        node = make_reader(environ)
        assert node.fields(T0, T0 + 10) == []
        node.close()
    assert logs == []


def test_an_index_that_was_taken_away_leaves_what_the_predecessors_tables_tell(
    node: G3Reader, change: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{A}.ch"
    before = [one.values.tolist() for one in node.read([name], T0, T0 + 10, Limits())]
    change(*(f"DROP TABLE sisock_{table}" for table in OURS))
    monkeypatch.setattr("sisock_g3_reader.catalogue.FRESH_S", 0.0)
    assert [one.values.tolist() for one in node.read([name], T0, T0 + 10, Limits())] == before


def test_a_question_of_files_that_nobody_scanned_does_not_read_the_list_of_fields_again(
    tmp_path: Path, environ: dict[str, str], change: Callable[..., None], make_reader: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    write(tmp_path / "data" / "1.g3")
    make_index(tmp_path / "data", environ)
    change(*(f"DELETE FROM sisock_{table}" for table in OURS[:-1]))
    node = make_reader(environ)
    reads: list[int] = []
    original = module.Catalogue._refresh_deployed
    monkeypatch.setattr(
        module.Catalogue, "_refresh_deployed", lambda self, db: (reads.append(1), original(self, db))[1]
    )
    monkeypatch.setattr("sisock_g3_reader.catalogue.FRESH_S", 60.0)
    for _ in range(3):
        [one] = node.read([f"{A}.ch"], T0, T0 + 10, Limits())
        assert len(one.t) == 10
    assert len(reads) == 1
    node.close()


@pytest.mark.parametrize(
    ("limits", "seconds", "width_s"),
    [
        (Limits(), 86_400, None),
        (Limits(max_points=1000), 86_400, None),
        (Limits(max_points=604), 300 * 300, 300),
        (Limits(max_points=604), 300 * 300 + 1, 600),
        (Limits(max_points=604), 300 * 299, None),
        (Limits(max_points=24), 10 * 1200, 1200),
        (Limits(max_points=24), 10 * 1201, 2400),
        (Limits(max_points=24), 10 * 1199, 1200),
        (Limits(max_points=24), 10 * 86_400, 86_400),
        (Limits(max_points=1), 86_400, 86_400),
        (Limits(max_points=5), 86_401, 2 * 86_400),
        (Limits(max_points=6), 2 * 86_400, 2 * 86_400),
        (Limits(min_stride=299.0), 10**6, None),
        (Limits(min_stride=300.0), 10**6, 300),
        (Limits(min_stride=1199.0), 10**6, 900),
        (Limits(min_stride=2399.0), 10**6, 1200),
        (Limits(max_points=24, min_stride=3000.0), 10 * 1200, 3600),
        (Limits(max_points=24, min_stride=10.0), 10 * 1200, 1200),
    ],
)
def test_bins_that_are_drawn_are_as_wide_as_is_asked_and_whole_summaries(
    limits: Limits, seconds: int, width_s: int | None
) -> None:
    width = drawn_width(limits, BEGIN, BEGIN + seconds * SECOND)
    assert width == (None if width_s is None else width_s * SECOND)


@given(st.integers(-(9 * 10**18), 9 * 10**18) | st.integers(10**17, 2 * 10**17), st.integers(-3, 3))
def test_a_range_begins_with_the_first_sample_whose_time_is_not_before_it(tick: int, beside: int) -> None:
    t = tick / TICKS_PER_SECOND
    t = float(np.nextafter(t, np.inf * beside)) if beside else t
    first = _ticks(t)
    assert first / TICKS_PER_SECOND >= t > (first - 1) / TICKS_PER_SECOND


def test_ranges_without_end_are_all_there_is() -> None:
    assert _ticks(-1e303) < -(8 * 10**18) < 8 * 10**18 < _ticks(1e303) < 2**63
