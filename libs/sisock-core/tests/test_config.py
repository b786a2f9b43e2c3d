"""Settings from the environment."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from sisock.config import LOG_LEVELS, NodeConfig, RouterConfig, Secret, load, port, seconds, setting
from sisock.errors import ConfigError


@dataclass(frozen=True)
class FeedConfig(NodeConfig):
    target: str = setting("TARGET", default="")
    wait_s: float = setting("WAIT", seconds, default=1.0)
    listen: int = setting("LISTEN", port, default=5000)


@dataclass(frozen=True)
class Required:
    name: str = setting("NAME")


def test_defaults_suit_a_site_of_one_node() -> None:
    config = load(RouterConfig, {})
    assert (config.tls_url, config.open_url) == (
        "wss://sisock-crossbar:8080/ws",
        "ws://sisock-crossbar:8001/ws",
    )
    assert config.wamp_user == "server"


def test_all_problems_are_told_in_one_error_that_names_the_variables() -> None:
    with pytest.raises(ConfigError) as caught:
        load(FeedConfig, {"LISTEN": "abc", "WAIT": "-1", "LOGLEVEL": "loud"})
    message = str(caught.value)
    assert "LISTEN='abc' is not a port number (1 to 65535)" in message
    assert "WAIT='-1' is not a positive number of seconds" in message
    assert "LOGLEVEL='loud'" in message


def test_a_required_variable_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="NAME is required and not set"):
        load(Required, {})


def test_empty_counts_as_unset() -> None:
    assert load(FeedConfig, {"LISTEN": " "}).listen == 5000


@pytest.mark.parametrize("unlimited", ["", "0"])
def test_max_points_of_zero_is_no_limit(unlimited: str) -> None:
    assert load(NodeConfig, {"MAX_POINTS": unlimited}).max_points is None


def test_the_predecessors_log_levels_are_known() -> None:
    assert load(RouterConfig, {"LOGLEVEL": "Debug"}).log_level == LOG_LEVELS["debug"]


def test_secrets_do_not_print_and_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hush\n")
    config = load(RouterConfig, {"WAMP_SECRET_FILE": str(file)})
    assert config.wamp_secret == Secret("hush")
    assert "hush" not in repr(config)


def test_an_unreadable_secret_file_is_named() -> None:
    with pytest.raises(ConfigError, match="WAMP_SECRET_FILE='/nowhere'"):
        load(RouterConfig, {"WAMP_SECRET_FILE": "/nowhere"})


def test_the_routers_directory_is_found_without_its_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(RouterConfig, {}).crossbar_dir == Path(".crossbar")
    (tmp_path / "crossbar").mkdir()
    assert load(RouterConfig, {}).crossbar_dir == Path("crossbar")
    (tmp_path / ".crossbar").mkdir()
    assert load(RouterConfig, {}).crossbar_dir == Path(".crossbar")
