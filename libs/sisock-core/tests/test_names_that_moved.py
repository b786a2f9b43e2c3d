"""What hands old names over, and ids of requests: small things that all rely on."""

import re

import pytest
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
