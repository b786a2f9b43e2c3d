"""Settings from the environment."""

import re
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest
from sisock.config import (
    LOG_LEVELS,
    NodeConfig,
    RouterConfig,
    Secret,
    count,
    load,
    log_level,
    port,
    seconds,
    setting,
    yes_or_no,
)
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


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (port, "1", 1),
        (port, "65535", 65535),
        (count, "0", 0),
        (count, "12", 12),
        (seconds, "0.5", 0.5),
        (seconds, "1e-9", 1e-9),
        (yes_or_no, "Yes", True),
        (yes_or_no, "no", False),
        (log_level, "WARN", 30),
        (log_level, "trace", 5),
    ],
)
def test_good_values_are_read(parse, text: str, value: object) -> None:
    assert (parse(text), type(parse(text))) == (value, type(value))


@pytest.mark.parametrize(
    ("parse", "wrong", "told"),
    [
        (port, "0", "is not a port number (1 to 65535)"),
        (port, "65536", "is not a port number (1 to 65535)"),
        (port, "-1", "is not a port number (1 to 65535)"),
        (count, "-1", "is not a whole number of zero or more"),
        (count, "1.5", "is not a whole number of zero or more"),
        (seconds, "0", "is not a positive number of seconds"),
        (seconds, "inf", "is not a positive number of seconds"),
        (seconds, "nan", "is not a positive number of seconds"),
        (seconds, "soon", "is not a positive number of seconds"),
        (yes_or_no, "true", "is neither yes nor no"),
        (log_level, "loud", "is none of trace, debug, info, warn, warning, error, critical"),
    ],
)
def test_wrong_values_are_the_end_of_a_sentence(parse, wrong: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse(wrong)


@dataclass(frozen=True)
class Special:
    key: Secret = setting("KEY", secret=True)
    may: str = setting("MAY", default="default", may_be_empty=True)


def test_a_setting_may_be_empty_where_that_means_something() -> None:
    assert load(Special, {"MAY": "", "KEY": "k"}).may == ""
    assert load(Special, {"KEY": "k"}).may == "default"


def test_a_secret_that_is_missing_or_unreadable_is_named_and_never_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^KEY is required and not set$"):
        load(Special, {})
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"^KEY cannot be read from KEY_FILE="):
        load(Special, {"KEY_FILE": str(tmp_path / "bytes")})
    assert load(Special, {"KEY": "given", "KEY_FILE": "/nowhere"}).key == Secret("given")


def test_a_secret_is_the_same_as_one_with_the_same_text() -> None:
    one, same, other = Secret("a"), Secret("a"), Secret("b")
    assert (one == same, one == other, one == "a") == (True, False, False)
    assert {one, same, other} == {one, other}
    assert (repr(one), one.reveal()) == ("Secret('***')", "a")


def test_the_defaults_are_the_predecessors() -> None:
    node = load(NodeConfig, {})
    assert (node.crossbar_tls_port, node.crossbar_ocs_port, node.crossbar_host) == (
        8080,
        8001,
        "sisock-crossbar",
    )
    assert (node.max_points, node.replica, node.health_file, node.metrics_port) == (None, False, None, None)
    assert (node.log_level, node.wamp_secret) == (20, None)
    assert load(NodeConfig, {"MAX_POINTS": "500", "REPLICA": "yes"}) == NodeConfig(
        max_points=500, replica=True
    )


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        load(NodeConfig, {}).replica = True


def test_another_directory_is_not_looked_for_without_its_dot(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crossbar").mkdir()
    assert load(RouterConfig, {"CROSSBAR_DIR": "elsewhere"}).crossbar_dir == Path("elsewhere")
