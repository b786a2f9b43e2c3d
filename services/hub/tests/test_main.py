"""What ``sisock-hub`` does before the router starts, step by step, in this process."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sisock_hub import __main__ as hub
from sisock_hub.measures import Tally
from sisock_testing.stack import free_port
from structlog.testing import capture_logs

Run = Callable[..., tuple[int, list[Any]]]


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is kept running, with which arguments, and what else is done that a test process must not do."""
    done: list[tuple[Any, ...]] = []
    monkeypatch.setattr(hub, "_keep", lambda *arguments: done.append(("keep", *arguments)) or 7)
    monkeypatch.setattr(hub.keeper, "hold_signals", lambda: None)
    monkeypatch.setattr(
        hub, "give_up_root", lambda account: done.append(("become", account.uid, account.gid))
    )
    monkeypatch.setattr(hub.logs, "configure", lambda *_, **__: None)
    return done


@pytest.fixture
def run(tmp_path: Path, began: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs the command; gives its exit code and the events that it logged."""
    before = dict(os.environ)
    structlog.reset_defaults()

    def call(*arguments: str, **environ: str) -> tuple[int, list[Any]]:
        ports = {name: str(free_port()) for name in ("CROSSBAR_TLS_PORT", "CROSSBAR_OCS_PORT")}
        for name in [name for name in os.environ if name.startswith(("CROSSBAR", "SISOCK", "WAMP"))]:
            del os.environ[name]
        os.environ.update({"CROSSBAR_DIR": str(tmp_path / ".crossbar"), **ports, **environ})
        monkeypatch.setattr("sys.argv", ["sisock-hub", *arguments])
        with capture_logs() as logged, pytest.raises(SystemExit) as ended:
            hub.main()
        return int(str(ended.value.code)), logged

    yield call
    os.environ.clear()
    os.environ.update(before)


def events(logged: list[Any]) -> list[str]:
    return [one["event"] for one in logged]


def test_only_to_prepare_makes_what_is_missing_and_asks_for_no_port(
    run: Run, tmp_path: Path, began: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        port = str(taken.getsockname()[1])
        code, logged = run("--prepare-only", CROSSBAR_TLS_PORT=port)
        assert (code, events(logged), began) == (0, ["router.prepared"], [])
        assert "server_cert.pem" in logged[0]["made"]
        assert run("--prepare-only", CROSSBAR_TLS_PORT=port) == (0, [])
        assert tuple(capsys.readouterr()) == ("", "")
        taken.listen()
        code, logged = run(CROSSBAR_TLS_PORT=port)
    assert (code, logged, began) == (2, [], [])
    assert f"CROSSBAR_TLS_PORT={port} cannot be listened on" in capsys.readouterr().err


def test_a_node_is_added_and_nothing_is_started(run: Run, tmp_path: Path, began: Any) -> None:
    code, logged = run("node", "add", "cryostat", "attic", SISOCK_NODES="ignored")
    assert (code, began) == (0, [])
    assert {"secrets/cryostat", "secrets/attic"} <= set(logged[0]["made"])
    assert events(logged) == ["router.prepared", "router.user", "router.user"]
    assert not (tmp_path / ".crossbar" / "secrets" / "ignored").exists()


def test_what_a_command_did_is_said_and_what_it_cannot_do_ends_with_a_sentence(
    run: Run, began: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("node", "add", "cryostat")[0] == 0
    assert capsys.readouterr().out.startswith("cryostat: a user each, in secrets/, who alone may serve")
    assert run("secret", "renew", "cryostat")[0] == 0
    assert capsys.readouterr().out.startswith(
        "cryostat has a new secret, and the one before is good for 7 days"
    )
    assert run("secret", "renew", "nobody")[0] == 2
    told = capsys.readouterr()
    assert (told.out, "there is no secrets/nobody" in told.err) == ("", True)
    assert run("node")[0] == 2
    assert "usage:" in capsys.readouterr().err
    assert began == []


def test_a_name_that_cannot_be_a_user_ends_with_a_sentence(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("node", "add", "hub")[0] == 2
    assert "node add has 'hub'" in capsys.readouterr().err


def test_the_router_is_run_where_the_site_has_it_with_its_secrets(
    run: Run, tmp_path: Path, began: Any
) -> None:
    directory = tmp_path / ".crossbar"
    run("--prepare-only")
    (directory / "node.pid").write_text("1")
    (directory / "hub.sock").write_text("")
    code, logged = run(METRICS_PORT=str(free_port()), SISOCK_NODES="cryostat")
    (kept,) = began
    assert code == 7
    assert kept[:3] == ("keep", directory, "config.migrated.json")
    assert kept[4] == int(os.environ["METRICS_PORT"])
    assert os.environ["SISOCK_SECRET_SERVER"] == (directory / "secrets" / "server").read_text()
    assert os.environ["CROSSBAR_DIR"] == str(directory)
    assert not (directory / "node.pid").exists()
    assert not (directory / "hub.sock").exists()
    assert events(logged) == ["router.prepared", "router.user"]


def test_a_configuration_that_is_run_in_a_copy_and_another_realm_are_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".crossbar").mkdir()
    text = '{"workers": [{"type": "router", "realms": [{"name": "a"}], "x": {"auto_ping_size": 4}}]}'
    (tmp_path / ".crossbar" / "config.json").write_text(text)
    _code, logged = run("--prepare-only")
    assert events(logged) == ["router.prepared", "router.config_migrated", "router.other_realm"]
    assert "auto_ping_size 4" in logged[1]["what"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_runs_the_router_in_a_copy_and_a_group_may_read_what_was_made(
    run: Run, tmp_path: Path, began: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, logged = run(SISOCK_RUN_AS="9000:9001")
    assert code == 7
    (become, (_keep, directory, config, *_)) = began
    assert become == ("become", 9000, 9001)
    assert directory != tmp_path / ".crossbar"
    assert (directory / config).stat().st_uid == 9000
    assert os.environ["CROSSBAR_DIR"] == str(directory)
    assert (tmp_path / ".crossbar" / "server_cert.pem").stat().st_gid == 9001
    assert events(logged) == ["router.prepared", "router.copied"]


def test_a_directory_that_nobody_may_write_is_run_in_a_copy_of_our_own(
    run: Run, tmp_path: Path, began: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run("--prepare-only")
    allowed = os.access
    ours = str(tmp_path / ".crossbar")
    monkeypatch.setattr(
        hub.os, "access", lambda path, how: allowed(path, how) and (how != os.W_OK or str(path) != ours)
    )
    code, logged = run()
    assert (code, events(logged)) == (7, ["router.copied"])
    ((_keep, directory, *_),) = began
    assert directory.name == ".crossbar"
    assert directory != tmp_path / ".crossbar"
    (tmp_path / ".crossbar" / "dangling").symlink_to("nowhere")
    began.clear()
    assert (run()[0], began) == (2, [])


def test_what_libraries_say_is_not_for_the_hubs_log(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    configured: list[Any] = []
    monkeypatch.setattr(hub.logs, "configure", lambda name, level, **how: configured.append((name, how)))
    run("--prepare-only")
    assert configured == [("hub", {"libraries": False})]


@pytest.mark.parametrize(
    ("beside", "port", "parts"),
    [
        (True, 9100, ["router", "hub", "metrics"]),
        (True, None, ["router", "hub"]),
        (False, 9100, ["router", "metrics"]),
        (False, None, ["router"]),
    ],
)
def test_what_is_kept_running_is_counted_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool, port: int | None, parts: list[str]
) -> None:
    made: list[Any] = []
    runs: list[Any] = []

    class Kept:
        def __init__(self, parts: list[Any], _log: Any, tally: Tally) -> None:
            made.append(([part.name for part in parts], [part.vital for part in parts], tally))
            runs.extend(part.run for part in parts)

        def run(self) -> int:
            return 7

    (tmp_path / "config.json").write_text('{"workers": []}')
    monkeypatch.setattr(hub.keeper, "Keeper", Kept)
    monkeypatch.setattr(hub.gc, "freeze", lambda: None)
    monkeypatch.setattr("sisock_hub.router.preload", lambda: None)
    monkeypatch.setattr("sisock_hub.alone.is_needed", lambda _: beside)
    assert hub._keep(tmp_path, "config.json", 20, port) == 7
    [(names, vital, tally)] = made
    assert (names, vital) == (parts, [True, *[False] * (len(parts) - 1)])
    assert isinstance(tally, Tally)
    assert list(tally.parts) == parts
    # A hub in a worker of crossbar.io's says there what it says: at that "info".
    level = "warn" if beside else "info"
    assert runs[0].args == (tmp_path, "config.json", 0, ["--color", "false", "--loglevel", level], 20)
    given = {"hub": (tmp_path, 20, tally.listed), "metrics": (tally, tmp_path, port)}
    assert [run.args for run in runs[1:]] == [given[name] for name in parts[1:]]
