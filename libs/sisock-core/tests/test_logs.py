"""What is written, and how that changes while a process runs."""

import io
import json
import logging

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
