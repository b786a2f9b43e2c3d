"""Ports for what tests start."""

import json
import socket
import subprocess
import sys

import pytest
from sisock_testing.stack import free_port

OTHER = """
import json, sys
from sisock_testing.stack import free_port
print(json.dumps([free_port() for _ in range(150)]), flush=True)
sys.stdin.read()
"""


@pytest.mark.peer
def test_no_two_processes_choose_the_same_port_however_late_they_listen() -> None:
    command = [sys.executable, "-c", OTHER]
    others = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    taken = [[free_port() for _ in range(150)]]
    taken += [json.loads(other.stdout.readline()) for other in others if other.stdout]
    for other in others:
        other.communicate(timeout=100)
    assert len({port for ports in taken for port in ports}) == 4 * 150


def test_a_port_comes_again_after_all_others_and_not_while_somebody_listens_at_any_address() -> None:
    port = free_port()
    others = {free_port() for _ in range(150)}
    assert len(others) == 150
    assert port not in others
    with socket.create_server(("127.0.0.2", port)):
        assert port not in {free_port() for _ in range(250)}
    assert port in {free_port() for _ in range(250)}
