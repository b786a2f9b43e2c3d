"""Parameters that are read and replies that are written, each fed with and compared to what stands here."""

import io
import json
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest
from sisock.node import Field, Limits, Series
from sisock_consumer.target import Target
from sisock_http.asking.question import Answer
from sisock_http.dialects import simplejson, simpod
from sisock_http.dialects.arguments import Arguments, as_object
from sisock_http.dialects.panel import Shown
from sisock_http.encoding import as_json
from sisock_http.encoding.formats import FORMATS
from sisock_http.observatory.catalogue import Event
from sisock_http.observatory.presence import require_all, require_router
from sisock_http.problems import AwayError, RequestError

T = np.array([1.0, 2.0])


def answer(name: str, t: Any, values: Any, **about: Any) -> Answer:
    return Answer(Target("n", name), Series(name, np.asarray(t, float), np.asarray(values)), **about)


def written(form: str, answers: list[Answer]) -> bytes:
    return FORMATS[form].write(answers, [str(one.target) for one in answers])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"most": ["0"]}, "most='0' is not a whole number from 1 to 9"),
        ({"most": ["10"]}, "most='10' is not a whole number from 1 to 9"),
        ({"most": ["-1"]}, "most='-1' is not"),
        ({"most": [""]}, "most='' is not"),
        ({"most": ["٣"]}, "is not a whole number"),
        ({"most": ["1" * 19]}, "is not a whole number"),
        ({"most": ["1", "2"]}, "most is given 2 times"),
    ],
)
def test_a_count_that_is_none_is_said(given: dict[str, list[str]], sentence: str) -> None:
    with pytest.raises(RequestError, match=re.escape(sentence)):
        Arguments(given).count("most", 9)


def test_counts_and_texts_are_read_up_to_their_bounds() -> None:
    given = Arguments({"a": ["1"], "b": ["9"], "c": ["x"], "d": ["x", "y", "x"]})
    assert (given.count("a", 9), given.count("b", 9), given.count("e", 9)) == (1, 9, None)
    assert Arguments({"a": ["1" * 18]}).count("a", 10**18) == int("1" * 18)
    assert (given.one("c"), given.one("e"), given.one("e", "z")) == ("x", "", "z")
    assert given.many("d") == ["x", "y"]
    given.allow("a", "b", "c", "d")
    with pytest.raises(RequestError, match="there is no parameter 'd' here, only a, b, c"):
        given.allow("a", "b", "c")
    with pytest.raises(RequestError, match="JSON list, not an object"):
        as_object([])


def test_a_table_names_its_columns_type_and_unit() -> None:
    shown = Shown("n::a", "table", "A", Limits())
    one = simplejson.element(answer("a", T, [1.5, 2.5], field=Field("a", units="m")), shown)
    assert one == {
        "target": "n::a",
        "type": "table",
        "columns": [{"text": "Time", "type": "time"}, {"text": "n::a", "type": "number", "unit": "lengthm"}],
        "rows": [[1000, 1.5], [2000, 2.5]],
        "refId": "A",
    }
    plain = simplejson.element(answer("a", T, [1.5, 2.5]), Shown("n::a", "table", None, Limits()))
    assert plain["columns"][1] == {"text": "n::a", "type": "number"}
    assert "refId" not in plain


def test_a_time_series_has_its_unit_and_its_notice() -> None:
    shown = Shown("n::a", "timeserie", None, Limits())
    one = simplejson.element(answer("a", T, [1.5, 2.5], field=Field("a", units="K"), notice="late"), shown)
    assert json.loads(as_json.dumps(one)) == {
        "target": "n::a",
        "title": "n::a",
        "datapoints": [[1.5, 1000], [2.5, 2000]],
        "tags": {"node": "n", "field": "a"},
        "unit": "K",
        "meta": {"notices": [{"severity": "warning", "text": "late"}]},
    }


def test_annotations_are_those_of_the_range_and_of_the_nodes_that_were_named() -> None:
    happened = [SimpleNamespace(t=t, node=node, title=f"{node} {t:g}", text="x", tags=[])
                for t, node in ((10.0, "Apex"), (15.0, "other"), (20.0, "apex"))]  # fmt: skip
    events: list[Event] = happened  # type: ignore[assignment]

    def told(begin: int, end: int, **body: Any) -> list[tuple[str, int]]:
        asked = {"range": {"from": begin * 1000, "to": end * 1000}, **body}
        return [(one["title"], one["time"]) for one in simplejson.annotations(events, asked)]

    every = [("Apex 10", 10_000), ("other 15", 15_000)]
    assert told(10, 20) == told(10, 20, annotation=None) == told(10, 20, annotation={}) == every
    assert told(10, 21, annotation={"query": " APEX "}) == [("Apex 10", 10_000), ("apex 20", 20_000)]
    assert told(11, 15) == []
    with pytest.raises(RequestError, match="annotation is not an object"):
        told(10, 20, annotation="apex")
    shown = Shown("", "events", "A", Limits())
    frame = simpod.events(events, 10.0, 20.0, shown)
    assert "Apex 10" in json.dumps(frame)
    assert "apex 20" not in json.dumps(frame)


def test_a_variable_lists_fields_or_what_was_typed() -> None:
    asked: list[str] = []

    class Listing:
        def search(self, text: str) -> list[str]:
            asked.append(text)
            return ["n::a"]

    for payload in ("fields", "wind"):
        simpod.variable(Listing(), {"payload": {"target": payload}})  # type: ignore[arg-type]
    assert asked == ["", "wind"]


SHORT = [answer("a", [1.0, 2.0], [1.5, np.nan]), answer("b", [2.0, 3.0], np.array(["x", None], object))]


def test_rows_hold_the_times_of_all_fields() -> None:
    assert json.loads(written("json", SHORT)) == [
        {"time": 1000, "n::a": 1.5, "n::b": None},
        {"time": 2000, "n::a": None, "n::b": "x"},
        {"time": 3000, "n::a": None, "n::b": None},
    ]
    assert written("csv", SHORT).decode().splitlines() == [
        "time,n::a,n::b",
        "1970-01-01T00:00:01.000Z,1.5,",
        "1970-01-01T00:00:02.000Z,,x",
        "1970-01-01T00:00:03.000Z,,",
    ]
    same = [answer("a", T, [1, 2]), answer("b", T.copy(), [True, False])]
    assert json.loads(written("json", same))[1] == {"time": 2000, "n::a": 2, "n::b": False}
    assert b"1970-01-01T00:00:02.000Z,2,false\n" in written("csv", same)
    micro = written("csv", [answer("a", [1500000000.123457], [1])])
    assert b"2017-07-14T02:40:00.123457Z,1\n" in micro


def test_an_arrow_stream_holds_the_times_of_all_fields() -> None:
    kinds = [*SHORT, answer("c", T, [True, False])]
    table = pa.ipc.open_stream(written("arrow", kinds)).read_all()
    assert [time.timestamp() for time in table["time"].to_pylist()] == [1.0, 2.0, 3.0]
    assert {name: table[name].to_pylist() for name in table.column_names[1:]} == {
        "n::a": [1.5, None, None], "n::b": [None, "x", None], "n::c": [True, False, None],
    }  # fmt: skip


def test_numpys_archive_has_text_and_numbers_without_pickle() -> None:
    mixed = [*SHORT, answer("c", T, np.array([1, None], object), field=Field("c", type="number"))]
    with np.load(io.BytesIO(written("npz", mixed)), allow_pickle=False) as found:
        assert found["n::b"].tolist() == ["x", ""]
        assert found["n::b/time"].tolist() == [2.0, 3.0]
        assert found["n::c"][0] == 1.0
        assert np.isnan(found["n::c"][1])


@pytest.mark.parametrize("name", ["a" * n for n in range(1, 10)])
def test_packed_columns_begin_at_a_multiple_of_eight(name: str) -> None:
    field = Field(name, "told", "K", interval=2.0)
    body = written("packed", [answer(name, T, [1.5, 2.5], field=field, notice="late"), *SHORT[1:]])
    length = int.from_bytes(body[:4], "little")
    assert (4 + length) % 8 == 0
    head = json.loads(body[4 : 4 + length])["series"]
    assert (len(body) - 4 - length) % 8 == 0
    assert np.frombuffer(body, "<f8", offset=4 + length).tolist() == [1.0, 2.0, 1.5, 2.5, 2.0, 3.0]
    about = {"units": "K", "description": "told", "interval": 2.0, "notice": "late", "label": None}
    assert head[0] == {"field": f"n::{name}", "type": "number", "n": 2, "packed": True, **about}
    assert (head[1]["packed"], head[1]["values"], head[1]["units"]) == (False, ["x", None], None)
    assert len(body) < 4 + length + 6 * 8 + 1


@pytest.mark.parametrize(
    ("router", "hub", "settled", "sentence"),
    [
        (False, True, True, "the router is away"),
        (True, False, True, "the hub is away"),
        (True, True, False, "still being asked"),
    ],
)
def test_who_is_away_is_said(router: bool, hub: bool, settled: bool, sentence: str) -> None:
    peers: Any = SimpleNamespace(router_here=router, hub_here=hub)
    catalogue: Any = SimpleNamespace(settled=settled)
    with pytest.raises(AwayError, match=sentence):
        require_all(peers, catalogue)
    present: Any = SimpleNamespace(router_here=True, hub_here=True)
    require_router(present)
    require_all(present, SimpleNamespace(settled=True))  # type: ignore[arg-type]
