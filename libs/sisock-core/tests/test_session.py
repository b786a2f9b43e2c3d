"""Data nodes on a real router: new style, old style, refused ones, long replies, clean ends."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sisock.errors import NodeError, TooMuchDataError
from sisock_testing import SERVERS, Peer, Process, Stack, wait_until
from sisock_testing.stack import Reactor


def start(stack: Stack, server: str, name: str = "", **environ: str) -> Process:
    return stack.start(name or server, [sys.executable, str(SERVERS / f"{server}.py")], **environ)


@pytest.fixture(scope="module")
def clockwork(sisock_stack: Stack, sisock_peer: Peer):
    process = start(sisock_stack, "clockwork")
    sisock_peer.wait_for_node("clockwork")
    yield process
    assert process.stop() == 0
    wait_until(lambda: "clockwork" not in sisock_peer.consumer.nodes, what="SIGTERM takes it off the list")


@pytest.fixture(scope="module")
def old_style(sisock_stack: Stack, sisock_peer: Peer):
    process = start(sisock_stack, "old_style")
    sisock_peer.wait_for_node("old_thermometer")
    yield process
    process.stop()


def test_an_authors_server_is_under_40_lines() -> None:
    assert len((SERVERS / "clockwork.py").read_text().splitlines()) < 40


def test_an_authors_server_keeps_the_contract(clockwork: Process, sisock_peer: Peer) -> None:
    problems = sisock_peer.breaches("clockwork")
    # It serves every second since the epoch and refuses more than 10 million of them: that is all.
    assert len(problems) == 1
    assert "it answers False (too much data) to 1000 samples a field" in problems[0]


def test_a_server_in_the_predecessors_style_runs_unchanged(old_style: Process, sisock_peer: Peer) -> None:
    assert sorted(f.name for f in sisock_peer.get_fields("old_thermometer")) == ["state", "t1"]
    series, problems = sisock_peer.get_data("old_thermometer", ["t1", "state"], 1000, 1100)
    assert problems == {}
    assert series["t1"].t.tolist() == [float(t) for t in range(1000, 1100, 10)]
    assert series["state"].values.tolist() == ["on"] * 10
    assert "after_onJoin was called" in old_style.text()


def test_an_old_servers_reply_that_fits_into_a_message_is_sent(old_style: Process, sisock_peer: Peer) -> None:
    reply = sisock_peer.v1_data("old_thermometer", ["t1"], 1, 500_001)
    assert len(reply["data"]["t1"]) == len(reply["timeline"]["ten"]["t"]) == 50_000


def test_an_old_servers_reply_that_no_message_can_hold_arrives_in_parts(
    old_style: Process, sisock_peer: Peer
) -> None:
    series, problems = sisock_peer.get_data("old_thermometer", ["t1", "state"], 1, 3e6)
    assert problems == {}
    np.testing.assert_array_equal(series["t1"].t, np.arange(10.0, 3e6, 10))
    np.testing.assert_array_equal(series["t1"].values, series["t1"].t % 100)
    assert set(series["state"].values) == {"on"}


def test_an_old_servers_reply_that_no_message_can_hold_is_false_for_an_old_caller(
    old_style: Process, sisock_peer: Peer
) -> None:
    assert sisock_peer.v1_data("old_thermometer", ["t1"], 1, 1e7) is False
    assert "more than a message may have" in old_style.text()


@pytest.mark.parametrize("samples", [60_000, 1_200_000])
def test_a_reply_of_many_megabytes_arrives_in_parts(
    clockwork: Process, sisock_peer: Peer, samples: int
) -> None:
    series, problems = sisock_peer.get_data("clockwork", ["sine"], 1, 1 + samples)
    assert problems == {}
    np.testing.assert_array_equal(series["sine"].t, np.arange(1.0, 1 + samples))
    np.testing.assert_array_equal(series["sine"].values, np.sin(series["sine"].t))


def test_an_old_caller_gets_all_that_its_message_holds_and_false_for_more(
    clockwork: Process, sisock_stack: Stack
) -> None:
    """58,200 samples of 18 bytes are just less than 1 MiB; one message more would end its session."""
    caller = start(sisock_stack, "old_caller")
    assert caller.popen.wait(30) == 0, caller.text()
    told = [line.rpartition("samples ")[2] for line in caller.text().splitlines() if "samples" in line]
    assert told == ["1000", "58200", "False", "1000"]


def test_what_a_node_refuses_to_send_is_false(clockwork: Process, sisock_peer: Peer) -> None:
    with pytest.raises(TooMuchDataError):
        sisock_peer.get_data("clockwork", ["sine"], 1, 1e8)


def test_an_authors_mistake_is_an_error_of_that_call(clockwork: Process, sisock_peer: Peer) -> None:
    with pytest.raises(NodeError, match="the disk is on fire"):
        sisock_peer.get_data("clockwork", ["sine"], 666, 700)
    assert len(sisock_peer.get_data("clockwork", ["sine"], 1, 3)[0]["sine"].t) == 2
    assert "the disk is on fire" in clockwork.text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((3, 1, 2), "field=3 is not a list of field names"),
        ((["sine"], "x", 2), "start='x' is not a sisock time"),
        ((["sine"], 1, 2, -1), "min_stride=-1"),
    ],
)
def test_malformed_calls_are_refused_in_words(clockwork, sisock_peer: Peer, arguments, sentence) -> None:
    procedure = "org.simonsobservatory.consumer.clockwork.get_data"
    with pytest.raises(NodeError, match=sentence):
        sisock_peer.call(procedure, *arguments)


def test_a_second_node_of_the_same_name_is_refused_and_told(clockwork: Process, sisock_stack: Stack) -> None:
    second = start(sisock_stack, "clockwork", "second")
    wait_until(
        lambda: "another data node already serves the name 'clockwork'" in second.text(), what="it is told"
    )
    assert clockwork.popen.poll() is None
    assert second.stop() == 0


def test_a_second_node_takes_over_when_the_first_is_gone(sisock_stack: Stack, sisock_peer: Peer) -> None:
    first = start(sisock_stack, "clockwork", "first_pair", NAME="pair")
    sisock_peer.wait_for_node("pair")
    second = start(sisock_stack, "clockwork", "second_pair", NAME="pair")
    wait_until(lambda: "another data node already" in second.text(), what="it is told")
    first.kill()
    wait_until(lambda: "node.listed" in second.text(), what="the second is listed")
    second.stop()


def test_a_wrong_secret_ends_the_process_with_a_sentence(sisock_stack: Stack) -> None:
    process = start(sisock_stack, "clockwork", "stranger", WAMP_SECRET="wrong")
    assert process.popen.wait(30) == 1
    assert "refused user 'server'" in process.text()


def test_a_secret_set_alike_for_all_does_not_keep_a_consumer_out(
    sisock_stack: Stack, sisock_reactor: Reactor
) -> None:
    servers = (sisock_stack.directory / ".crossbar" / "secrets" / "server").read_text()
    peer = Peer(sisock_reactor, sisock_stack.config(WAMP_USER="simonsobs", WAMP_SECRET=servers))
    assert peer.consumer.router_here
    peer.close()


def test_a_wrong_setting_ends_the_process_with_a_sentence(sisock_stack: Stack) -> None:
    process = start(sisock_stack, "clockwork", "misled", CROSSBAR_TLS_PORT="eighty", MAX_POINTS="many")
    assert process.popen.wait(30) == 2
    assert "CROSSBAR_TLS_PORT='eighty' is not a port number" in process.text()
    assert "MAX_POINTS='many'" in process.text()


def test_without_a_router_a_node_waits_and_says_so_once(tmp_path: Path, sisock_stack: Stack) -> None:
    lonely = Stack(tmp_path)
    process = start(lonely, "clockwork", WAMP_SECRET="x")
    wait_until(lambda: "router.away" in process.text(), what="it says that the router is away")
    with pytest.raises(TimeoutError):
        wait_until(lambda: process.text().count("router.away") > 1, 3, "it says so again")
    process.signal(signal.SIGTERM)
    assert process.popen.wait(10) == 0


def conformance(stack: Stack, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sisock.conformance", name],
        cwd=stack.directory,
        env=stack.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_conformance_command_passes_a_good_server(old_style: Process, sisock_stack: Stack) -> None:
    told = conformance(sisock_stack, "old_thermometer")
    assert told.returncode == 0, told.stdout
    assert told.stdout.count("ok  ") == 8


def test_the_conformance_command_tells_in_words_what_is_wrong(sisock_stack: Stack, sisock_peer: Peer) -> None:
    node = start(sisock_stack, "pre_core")
    sisock_peer.wait_for_node("pre_core")
    told = conformance(sisock_stack, "pre_core")
    assert told.returncode == 1
    assert "'a' has 3 values for 2 times of 'm'" in told.stdout
    node.kill()
