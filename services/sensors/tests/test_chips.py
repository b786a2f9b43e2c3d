"""Real libsensors on chips below a ``/sys`` of our own."""

import structlog
from sisock_sensors.chips import Chips
from sisock_sensors.libsensors import LibSensorsError
from structlog.testing import capture_logs

CORES = {"coretemp-isa-0000_Core_0": (45.0, "C"), "coretemp-isa-0000_Core_1": (47.5, "C")}


def test_units_come_from_the_kind_of_sensor(machine, reader) -> None:
    machine.plug(0, "board", {"temp1_input": 45000, "fan1_input": 1200, "in0_input": 1104})
    machine.plug(1, "psu", {"power1_input": 15500000, "curr1_input": 1300, "energy1_input": 7000000})
    machine.plug(2, "room", {"humidity1_input": 41500, "intrusion0_alarm": 1})
    assert reader.read() == {
        "board-isa-0000_temp1": (45.0, "C"),
        "board-isa-0000_fan1": (1200.0, "RPM"),
        "board-isa-0000_in0": (1.104, "V"),
        "psu-isa-0001_power1": (15.5, "W"),
        "psu-isa-0001_curr1": (1.3, "A"),
        "psu-isa-0001_energy1": (7.0, "J"),
        "room-isa-0002_humidity1": (41.5, "%"),
        "room-isa-0002_intrusion0": (1.0, ""),
    }


def test_the_description_names_the_label_the_chip_and_the_kind(machine, reader) -> None:
    machine.plug(0, "coretemp", {"temp1_input": 45000, "temp1_label": "Core 0"})
    told = reader.ask("describe")
    assert told == {"coretemp-isa-0000_Core_0": "Core 0 of coretemp-isa-0000 (temperature)"}


def test_a_chip_that_vanishes_and_comes_back_is_noticed_at_the_next_reading(machine, reader) -> None:
    cores = {"temp1_input": 45000, "temp1_label": "Core 0", "temp2_input": 47500, "temp2_label": "Core 1"}
    machine.plug(0, "coretemp", cores)
    machine.plug(1, "board", {"fan1_input": 1200})
    both = reader.read()
    assert both == {**CORES, "board-isa-0001_fan1": (1200.0, "RPM")}
    machine.unplug(1)
    assert reader.read() == CORES
    machine.plug(1, "board", {"fan1_input": 900})
    assert reader.read() == {**CORES, "board-isa-0001_fan1": (900.0, "RPM")}
    assert reader.told("chip.appeared") == 3
    assert reader.told("chip.vanished") == 1


def test_a_chip_that_went_and_came_between_two_readings_is_missed_once_at_most(machine, reader) -> None:
    machine.plug(0, "board", {"fan1_input": 1200})
    assert reader.read() == {"board-isa-0000_fan1": (1200.0, "RPM")}
    machine.unplug(0)
    machine.plug(0, "board", {"fan2_input": 800})
    reader.read()
    assert reader.read() == {"board-isa-0000_fan2": (800.0, "RPM")}


def test_values_are_those_of_the_moment(machine, reader) -> None:
    machine.plug(0, "board", {"fan1_input": 1200})
    reader.read()
    machine.set(0, {"fan1_input": 1300})
    assert reader.read() == {"board-isa-0000_fan1": (1300.0, "RPM")}


def test_a_sensor_that_does_not_answer_is_left_out_and_the_others_are_read(machine, reader) -> None:
    machine.plug(0, "board", {"fan1_input": 1200, "fan2_input": 800})
    reader.read()
    machine.forget(0, "fan1_input")
    assert reader.read() == {"board-isa-0000_fan2": (800.0, "RPM")}
    machine.set(0, {"fan1_input": 1100})
    assert reader.read()["board-isa-0000_fan1"] == (1100.0, "RPM")


def test_a_sensor_that_says_it_is_at_fault_has_no_value(machine, reader) -> None:
    machine.plug(0, "board", {"temp1_input": -128000, "temp1_fault": 1, "temp2_input": 20000})
    assert reader.read() == {"board-isa-0000_temp2": (20.0, "C")}
    machine.set(0, {"temp1_input": 21000, "temp1_fault": 0})
    assert reader.read()["board-isa-0000_temp1"] == (21.0, "C")


def test_a_limit_is_not_taken_for_a_value(machine, reader) -> None:
    machine.plug(0, "gpu", {"power1_cap": 200000000, "power2_average": 31000000, "temp1_crit": 99000})
    assert reader.read() == {"gpu-isa-0000_power2": (31.0, "W")}


def test_two_sensors_of_one_label_are_both_served(machine, reader) -> None:
    labels = {"temp1_label": "Probe", "temp2_label": "Probe"}
    machine.plug(0, "board", {"temp1_input": 1000, "temp2_input": 2000, **labels})
    assert reader.read() == {"board-isa-0000_Probe": (1.0, "C"), "board-isa-0000_Probe_2": (2.0, "C")}
    machine.forget(0, "temp1_input")
    assert reader.read() == {"board-isa-0000_Probe_2": (2.0, "C")}


def test_a_host_without_sensors_is_told_so_once(machine, reader) -> None:
    assert [reader.read() for _ in range(5)] == [{}] * 5
    assert reader.told("sensors.none") == 1


def test_a_host_without_libsensors_is_told_so_once(machine, reader_without_library) -> None:
    machine.plug(0, "board", {"fan1_input": 1200})
    assert reader_without_library.read() == {}
    machine.plug(1, "psu", {"power1_input": 1})
    assert reader_without_library.read() == {}
    assert reader_without_library.told("sensors.no_library") == 1
    assert reader_without_library.told("sensors.none") == 0


def test_a_library_that_does_not_start_is_told_and_nothing_ends() -> None:
    class Broken:
        def scan(self) -> None:
            raise LibSensorsError("Kernel interface error")

    with capture_logs() as logs:
        chips = Chips(structlog.get_logger(), Broken)
        assert [chips.read(), chips.read()] == [[], []]
    assert [event["event"] for event in logs] == ["sensors.failed"]


def test_looking_for_chips_keeps_no_memory(machine, reader) -> None:
    machine.plug(0, "board", {f"temp{i}_input": 1000 for i in range(1, 9)})
    assert reader.ask("grow") < 200_000
