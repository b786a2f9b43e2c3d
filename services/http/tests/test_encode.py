"""Whatever a node sends, what is made of it can be written in every form that is asked for."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock.errors import NodeError
from sisock.node import Field, Limits, Series
from sisock_consumer import replies
from sisock_consumer.target import Target
from sisock_http.asking.question import Answer
from sisock_http.dialects.panel import Shown
from sisock_http.dialects.simplejson import element
from sisock_http.dialects.simpod import frame
from sisock_http.encoding import as_json
from sisock_http.encoding.formats import FORMATS

T = np.array([1.0, 2.0, 3.0])
WILD = [1.0, float("inf"), float("nan")]
VALUES = st.one_of(
    st.floats(),
    st.integers(-(10**400), 10**400),
    st.none(),
    st.booleans(),
    st.text(st.characters()),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=2),
)
SAMPLES = st.lists(st.tuples(st.floats() | st.integers(-(10**400), 10**400), VALUES), max_size=6)


def strictly(body: bytes) -> object:
    """JSON as a browser reads it: without NaN and infinities."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(body, parse_constant=refuse)


@given(SAMPLES)
def test_any_samples_are_written_in_every_form_and_as_strict_json(samples) -> None:
    sent = {"data": {"f": [v for _, v in samples]}, "timeline": {"t": {"t": [t for t, _ in samples]}}}
    try:
        series = replies.read_data("n", [sent], ["f"], {}).series
    except NodeError:
        return
    if "f" not in series:
        return
    answer = Answer(Target("n", "f"), series["f"], Field("f", units="K"), "told")
    for name, form in FORMATS.items():
        body = form.write([answer], ["n::f"])
        if name == "json":
            strictly(body)
    for style in ("timeserie", "table", "frame"):
        shown = Shown(Target("n", "f"), style, "A", Limits())
        strictly(as_json.dumps([element(answer, shown), frame(answer, shown)]))


@pytest.mark.parametrize("values", [np.array(WILD), np.array(WILD, dtype=object)], ids=["floats", "objects"])
def test_infinities_and_nan_are_null_in_every_json(values) -> None:
    series = Series("f", T, values)
    assert strictly(as_json.dumps(as_json.pairs(series))) == [[1.0, 1000], [None, 2000], [None, 3000]]
    assert strictly(as_json.dumps(as_json.rows(series))) == [[1000, 1.0], [2000, None], [3000, None]]
    assert strictly(as_json.dumps(as_json.values(series))) == [1.0, None, None]
    if values.dtype.kind == "f":
        assert as_json.values(series) == [1.0, None, None]
    answer = Answer(Target("n", "f"), series, Field("f"))
    rows = strictly(FORMATS["json"].write([answer], ["n::f"]))
    assert [row["n::f"] for row in rows] == [1.0, None, None]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (np.array(["on", None, "off"], dtype=object), ["on", None, "off"]),
        (np.array([True, False, True]), [True, False, True]),
        (np.array([True, None, False], dtype=object), [True, None, False]),
    ],
)
def test_text_and_bools_are_datapoints_for_a_time_series_and_rows_for_a_table(values, shown) -> None:
    answer = Answer(Target("n", "f"), Series("f", T, values), Field("f"))
    made = json.loads(as_json.dumps(element(answer, Shown(Target("n", "f"), "timeserie", "A", Limits()))))
    assert made["datapoints"] == [[v, t] for v, t in zip(shown, [1000, 2000, 3000], strict=True)]
    assert "type" not in made
    made = json.loads(as_json.dumps(element(answer, Shown(Target("n", "f"), "table", "A", Limits()))))
    assert made["rows"] == [[t, v] for v, t in zip(shown, [1000, 2000, 3000], strict=True)]


def test_csv_holds_nothing_that_a_spreadsheet_takes_for_a_formula() -> None:
    told = ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "-1.5", "cold"]
    t = np.arange(7.0)
    answers = [
        Answer(Target("=node", "f"), Series("f", t, np.array(told, dtype=object)), Field("f", type="string")),
        Answer(Target("node", "g"), Series("g", t, -t - 0.5), Field("g")),
    ]
    heading, *rows = csv.reader(
        io.StringIO(FORMATS["csv"].write(answers, [str(answer.target) for answer in answers]).decode())
    )
    assert heading == ["time", "'=node::f", "node::g"]
    assert [row[1] for row in rows] == ["'=1+1", "'+cmd", "'-2+3", "'@SUM(A1)", "'\t=1", "-1.5", "cold"]
    assert [float(row[2]) for row in rows] == (-t - 0.5).tolist()
