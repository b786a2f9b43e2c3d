"""A machine whose chips the tests make and take away, and a process that reads them.

umockdev's preloaded library shows a process the directory ``$UMOCKDEV_DIR/sys`` as ``/sys``. It takes
plain files and links for that, so chips come and go while the process runs. The process has to be
another one: the library must be there before Python starts.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

READ_CHIPS = Path(__file__).with_name("read_chips.py")

CORETEMP = {"temp1_input": 45000, "temp1_label": "Core 0", "temp2_input": 47500, "temp2_label": "Core 1"}
BOARD = {"fan1_input": 1200, "in0_input": 1104}
PSU = {"power1_average": 15500000, "curr1_input": 1300, "energy1_input": 7000000}


class Machine:
    """A ``/sys`` of our own.

    Parameters
    ----------
    directory : Path
        Becomes ``$UMOCKDEV_DIR``.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._sys = directory / "sys"
        (self._sys / "bus" / "platform").mkdir(parents=True)
        (self._sys / "class" / "hwmon").mkdir(parents=True)

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "UMOCKDEV_DIR": str(self.directory)}

    def plug(self, number: int, name: str, attributes: dict[str, object]) -> None:
        device = self._sys / "devices" / "platform" / f"{name}.{number}"
        chip = device / "hwmon" / f"hwmon{number}"
        chip.mkdir(parents=True)
        (device / "subsystem").symlink_to("../../../bus/platform")
        (device / "modalias").write_text(f"platform:{name}\n")
        (chip / "device").symlink_to(f"../../../{device.name}")
        self.set(number, {"name": name, **attributes})
        (self._sys / "class" / "hwmon" / chip.name).symlink_to(
            f"../../devices/platform/{device.name}/hwmon/{chip.name}"
        )

    def unplug(self, number: int) -> None:
        link = self._sys / "class" / "hwmon" / f"hwmon{number}"
        device = link.resolve().parents[1]
        link.unlink()
        shutil.rmtree(device)

    def set(self, number: int, attributes: dict[str, object]) -> None:
        [chip] = (self._sys / "devices" / "platform").glob(f"*/hwmon/hwmon{number}")
        for attribute, value in attributes.items():
            (chip / attribute).write_text(f"{value}\n")

    def forget(self, number: int, attribute: str) -> None:
        (self._sys / "class" / "hwmon" / f"hwmon{number}" / attribute).unlink()


class Reader:
    """A process on that machine that reads the chips each time that it is asked."""

    def __init__(self, machine: Machine, **environ: str) -> None:
        self._log = machine.directory / "reader.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["umockdev-wrapper", sys.executable, READ_CHIPS],
                env={**machine.environ, **environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def read(self) -> dict[str, tuple[float, str]]:
        """Value and units of each field."""
        return {name: (value, units) for name, (value, units) in self.ask("read").items()}

    def ask(self, command: str):
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline() or "null")

    def told(self, event: str) -> int:
        """How often it said this."""
        return self._log.read_text().count(event)

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def reader(sisock_processes: None, machine: Machine) -> Iterator[Reader]:
    reader = Reader(machine)
    yield reader
    reader.close()


@pytest.fixture
def reader_without_library(sisock_processes: None, machine: Machine) -> Iterator[Reader]:
    reader = Reader(machine, SENSORS_LIB="/nowhere/libsensors.so.5")
    yield reader
    reader.close()


@pytest.fixture(scope="session")
def busy_machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with a processor, a board and a power supply."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.plug(0, "coretemp", CORETEMP)
    machine.plug(1, "board", BOARD)
    machine.plug(2, "psu", PSU)
    return machine
