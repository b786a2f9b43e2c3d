"""What dashboard variables make of targets."""

import pytest
from sisock.node import Field
from sisock_consumer.consumer import NodeInfo
from sisock_http.observatory.catalogue import Catalogue, OnlineNode
from sisock_http.observatory.matching import resolve
from sisock_http.problems import RequestError
from twisted.internet.task import Clock


@pytest.fixture
def catalogue() -> Catalogue:
    """Two nodes, with field names as OCS has them."""
    catalogue = Catalogue(Clock(), lambda: 0.0, None, None)
    for node, names in {
        "weather": ["temp.ambient", "a.b", "c"],
        "fridge": ["x(y)", "p|q", "tempXambient"],
    }.items():
        catalogue.online[node] = OnlineNode(NodeInfo(node, ""), {name: Field(name) for name in names})
    return catalogue


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("weather::temp.ambient", ["weather::temp.ambient"]),
        (r"weather::temp\.ambient", ["weather::temp.ambient"]),
        (r"(weather)::(a\.b|c)", ["weather::a.b", "weather::c"]),
        (r"weather::(a\.b|gone\.x)", ["weather::a.b", "weather::gone.x"]),
        (r"(away|weather)::c", ["away::c", "weather::c"]),
        ("weather::{a.b,c}", ["weather::a.b", "weather::c"]),
        ("fridge::x(y)", ["fridge::x(y)"]),
        (r"fridge::x\(y\)", ["fridge::x(y)"]),
        (r"fridge::(p\|q|x\(y\))", ["fridge::p|q", "fridge::x(y)"]),
        ("weather::.*", ["weather::a.b", "weather::c", "weather::temp.ambient"]),
        (".*temp.*", ["fridge::tempXambient", "weather::temp.ambient"]),
        ("weather::[ac].*", ["weather::a.b", "weather::c"]),
        ("weather::nothing.*", ["weather::nothing.*"]),
        ("weather::(((", ["weather::((("]),
        ("weather::\\", ["weather::\\"]),
        ("away::field", ["away::field"]),
    ],
)
def test_a_target_is_taken_by_name_then_as_choices_then_as_an_expression(
    catalogue, target, names, capfd: pytest.CaptureFixture[str]
) -> None:
    assert list(map(str, resolve(catalogue, target))) == names
    assert capfd.readouterr().err == ""  # whoever writes an expression writes no log


def test_a_target_that_stands_for_too_much_is_refused(catalogue) -> None:
    with pytest.raises(RequestError, match="more than 1000 fields"):
        resolve(catalogue, "(a|b|c|d|e|f|g|h|i|j)" * 9)


def test_an_expression_made_to_take_for_ever_does_not(catalogue) -> None:
    catalogue.online["weather"].fields["a" * 5000] = Field("a" * 5000)
    target = "weather::(a+)+b"
    assert list(map(str, resolve(catalogue, target))) == [target]
