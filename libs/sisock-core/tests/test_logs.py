"""What is written, and how that changes while a process runs."""

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from sisock import logs, request_id


@pytest.fixture
def stream():
    kept = structlog.get_config()
    yield io.StringIO()
    structlog.configure(**kept)


def events(stream: io.StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("level", [5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
def test_what_is_below_the_level_is_not_written(stream: io.StringIO, level: int) -> None:
    logs.configure("x", level, stream, libraries=False)
    for word in ("debug", "info", "warning", "error"):
        getattr(logs.get(), word)(word)
    order = ["debug", "info", "warning", "error"]
    assert events(stream) == order[max(0, level // 10 - 1) :]


def test_the_level_changes_while_a_logger_is_held(stream: io.StringIO) -> None:
    verbosity = logs.configure("x", logging.INFO, stream, libraries=False)
    log = logs.get("part").bind(node="n")
    log.debug("before")
    assert verbosity.toggle()
    log.debug("meanwhile")
    assert not verbosity.toggle()
    log.debug("after")
    assert events(stream) == ["log.level", "meanwhile", "log.level"]


def test_events_of_a_request_have_its_id(stream: io.StringIO) -> None:
    logs.configure("x", logging.INFO, stream, libraries=False)
    with request_id.bound("panel-7"):
        logs.get().info("one")
    logs.get().info("two")
    assert [json.loads(line).get("request") for line in stream.getvalue().splitlines()] == ["panel-7", None]


SERVER = """
import sisock
from sisock import logs
from sisock.trouble import Trouble
from sisock.runner import the_reactor

class Node(sisock.DataNode):
    name, description = "disk", "keeps a logger's method from its beginning"
    def __init__(self, _config):
        trouble = Trouble(logs.get("store").error, "store.failed")
        the_reactor().callLater(0.1, trouble.tell, "the disk is full")
        the_reactor().callLater(0.3, the_reactor().stop)
    def fields(self, start, end): return []
    def read(self, names, start, end, limits): return []

sisock.run(Node, sisock.NodeConfig)
"""


@pytest.mark.peer
def test_what_a_node_keeps_of_a_logger_from_its_beginning_writes_as_all_others_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVER],
        cwd=tmp_path, env={"WAMP_SECRET": "x", "CROSSBAR_HOST": "127.0.0.1", "CROSSBAR_TLS_PORT": "1"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    [told] = [line for line in lines if line["event"] == "store.failed"]
    assert (told["service"], told["level"], told["why"]) == ("disk", "error", "the disk is full")
