"""What hands old names over, and ids of requests: small things that all rely on."""

import re
import runpy
import sys
from importlib import import_module
from importlib.metadata import version

import pytest
import sisock
from sisock import request_id
from sisock.moved import forward


def test_an_old_name_is_handed_over_from_where_it_is_now() -> None:
    assert forward("sisock.uris", "names are")("REALM") == "test_realm"


def test_a_name_of_the_import_system_is_not_looked_for() -> None:
    with pytest.raises(AttributeError, match="__path__"):
        forward("sisock_nowhere.at_all", "it is")("__path__")


@pytest.mark.parametrize("module", ["sisock_nowhere", "sisock_nowhere.at.all"])
def test_what_is_not_installed_is_said_with_its_distribution(module: str) -> None:
    with pytest.raises(ImportError, match=re.escape("it is not installed: pip install sisock-nowhere")):
        forward(module, "it is")("anything")


def test_a_module_that_lacks_something_else_says_so_itself(tmp_path, monkeypatch) -> None:
    (tmp_path / "sisock_broken.py").write_text("import sisock_elsewhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'sisock_elsewhere'"):
        forward("sisock_broken", "it is")("anything")


@pytest.mark.parametrize("good", ["a", "panel-7", "a.b:c_1", "x" * 64])
def test_a_word_is_an_id(good: str) -> None:
    assert request_id.usable(good) == good
    with request_id.bound(good):
        assert request_id.current() == good
        with request_id.bound(None):
            assert request_id.current() == good
    assert request_id.current() == ""


@pytest.mark.parametrize("bad", ["", "x" * 65, "a b", "a\n", "ä", 7, None, b"a", ["a"]])
def test_anything_else_is_none(bad: object) -> None:
    assert request_id.usable(bad) == ""
    with request_id.bound(bad):
        assert request_id.current() == ""


def test_every_public_name_is_found_where_it_is() -> None:
    for name in set(sisock.__all__) - {"base"}:
        found = getattr(sisock, name)
        assert found is getattr(import_module(found.__module__), name)
        assert found.__module__.startswith("sisock.")
    assert sisock.base is import_module("sisock.base")
    assert sisock.__version__ == version("sisock-core")
    with pytest.raises(AttributeError, match="module 'sisock' has no attribute 'nothing'"):
        sisock.nothing  # noqa: B018


def test_a_node_must_say_what_it_has_and_read_it() -> None:
    class Half(sisock.DataNode):
        name, description = "half", "Half a node."

        def fields(self, start, end):
            return []

    with pytest.raises(TypeError, match=r"abstract method '?read"):
        Half()
    with pytest.raises(TypeError, match="fields"):
        sisock.DataNode()


def test_a_node_is_what_most_are_unless_it_says_otherwise() -> None:
    class Whole(sisock.DataNode):
        name, description = "whole", "A node."

        def fields(self, start, end):
            return []

        def read(self, names, start, end, limits):
            return []

    node = Whole()
    assert (node.live, node.threads, node.bins([], 0.0, 1.0, sisock.Grid(1)), node.close()) == (
        False,
        None,
        None,
        None,
    )


def test_the_conformance_command_without_its_distribution_is_a_sentence(monkeypatch) -> None:
    # Another test of this process may have imported parts of it.
    parts = [name for name in sys.modules if name.startswith("sisock_testing.")]
    for name in ("sisock_testing", *parts):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "sisock.conformance", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("sisock.conformance", run_name="__main__")
    assert ended.value.code == "the conformance suite is not installed: pip install sisock-testing"
