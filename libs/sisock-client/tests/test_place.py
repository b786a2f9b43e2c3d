"""Where somebody is who looks at a stack, by what is set and what lies in the folder."""

from pathlib import Path

import pytest
from sisock_client import place


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of hosts that are known."""
    known = {"localhost"}
    monkeypatch.setattr(place, "_resolves", known.__contains__)
    return known


def test_a_component_reaches_the_router_by_the_name_that_was_given(names, tmp_path: Path) -> None:
    found = place.find({"CROSSBAR_HOST": "router", "WAMP_SECRET": "x"}, None, tmp_path)
    assert found.router is not None
    assert (found.router.crossbar_host, found.router.wamp_user) == ("router", "simonsobs")
    assert found.environ == {"WAMP_USER": "simonsobs", "CROSSBAR_HOST": "router", "WAMP_SECRET": "x"}
    assert found.description == "looking as a component sees it"
    assert (found.url, found.bridge_expected) == ("http://localhost:5000", False)


def test_a_sites_own_machine_reaches_the_published_ports(names, tmp_path: Path) -> None:
    (tmp_path / ".crossbar").mkdir()
    (tmp_path / ".env").write_text(
        "# CROSSBAR_TLS_PORT=1\n  # SISOCK_HTTP_PORT=2\nno variable\nCROSSBAR_TLS_PORT = '8081'\n"
        'SISOCK_HTTP_PORT="5001"\nWAMP_USER=other\n'
    )
    found = place.find({"CROSSBAR_DIR": str(tmp_path / ".crossbar")}, None, tmp_path)
    assert found.router is not None
    assert (found.router.crossbar_host, found.router.crossbar_tls_port) == ("localhost", 8081)
    assert found.router.wamp_user == "simonsobs"
    assert found.environ["CROSSBAR_HOST"] == "localhost"
    assert found.description == "looking as its own machine sees it"
    assert (found.url, found.bridge_expected) == ("http://localhost:5001", True)


def test_where_the_routers_name_is_known_it_is_kept(names: set[str], tmp_path: Path) -> None:
    names.add("sisock-crossbar")
    found = place.find({"WAMP_SECRET": "x", "CROSSBAR_HOST": " "}, None, tmp_path)
    assert found.router is not None
    assert found.router.crossbar_host == "sisock-crossbar"
    assert found.description == "looking as a component sees it"


def test_a_laptop_looks_through_the_bridge(names, tmp_path: Path) -> None:
    found = place.find({"SISOCK_URL": "http://there:1"}, None, tmp_path)
    assert found.router is None
    assert (found.url, found.bridge_expected) == ("http://there:1", True)
    assert found.description.startswith(
        "looking through the bridge at http://there:1 alone: there is neither"
    )
    assert place.find({"SISOCK_URL": "http://there:1"}, "http://here:2", tmp_path).url == "http://here:2"
    nowhere = place.find({}, None, tmp_path)
    assert (nowhere.router, nowhere.url, nowhere.bridge_expected) == (None, "http://localhost:5000", True)


@pytest.mark.parametrize(
    ("environ", "env", "url", "expected"),
    [
        ({"SISOCK_HTTP_PORT": "7"}, "SISOCK_HTTP_PORT=8", "http://localhost:7", True),
        ({}, "SISOCK_HTTP_VERSION=0.3", "http://localhost:5000", True),
        ({}, "OTHER=0.3", "http://localhost:5000", False),
    ],
)
def test_a_bridge_is_expected_where_somebody_spoke_of_one(
    names, tmp_path: Path, environ: dict[str, str], env: str, url: str, expected: bool
) -> None:
    (tmp_path / ".env").write_text(env)
    found = place.find({"CROSSBAR_HOST": "localhost", **environ}, None, tmp_path)
    assert (found.url, found.bridge_expected) == (url, expected)


def test_a_name_that_nobody_knows_does_not_resolve() -> None:
    assert place._resolves("127.0.0.1")
    assert not place._resolves("no host is named so.invalid")


def test_of_a_sites_settings_comments_and_lines_without_a_value_are_passed_over(
    names: set[str], tmp_path: Path
) -> None:
    lines = ["# SISOCK_HTTP_PORT=7", "  #SISOCK_HTTP_PORT=8", "SISOCK_HTTP_VERSION", "SISOCK_HTTP_PORT = '9'"]
    (tmp_path / ".env").write_text("\n".join(lines))
    assert place.find({}, None, tmp_path).url == "http://localhost:9"
    (tmp_path / ".env").write_text("\n".join(lines[:3]))
    assert not place.find({"CROSSBAR_HOST": "localhost"}, None, tmp_path).bridge_expected
