"""Real libsensors on chips that umockdev simulates below /sys."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CORETEMP = {"coretemp-isa-0000_Core_0": [45.0, "C"], "coretemp-isa-0000_Core_1": [47.5, "C"]}
BOARD = {"board-isa-0290_fan1": [1200.0, "RPM"], "board-isa-0290_in0": [1.104, "V"]}
PSU = {"psu-isa-0001_power1": [15.5, "W"], "psu-isa-0001_curr1": [1.3, "A"]}


@pytest.fixture(scope="module")
def told() -> subprocess.CompletedProcess[str]:
    command = ["umockdev-run", "-d", HERE / "chips.umockdev", "--", sys.executable, HERE / "read_chips.py"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


def test_units_come_from_the_kind_of_sensor(told) -> None:
    assert json.loads(told.stdout)[0] == CORETEMP | BOARD | PSU


def test_a_chip_that_vanishes_and_comes_back_is_noticed(told) -> None:
    _, without, again = json.loads(told.stdout)
    assert without == CORETEMP | PSU
    assert again == CORETEMP | BOARD | PSU
    assert told.stderr.count("chip.vanished") == 1
    assert told.stderr.count("chip.appeared") == 4


def test_a_host_without_sensors_is_told_so_once() -> None:
    code = (
        "import structlog, sys; from sisock_sensors.chips import Chips\n"
        "structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))\n"
        "chips = Chips(structlog.get_logger())\n"
        "print([chips.read() for _ in range(30)] == [[]] * 30)"
    )
    command = ["umockdev-wrapper", sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.strip() == "True"
    assert told.stderr.count("sensors.none") == 1
