"""The host's own figures."""

from collections import namedtuple
from types import SimpleNamespace

import psutil
import pytest
import structlog
from sisock_sensors import host
from sisock_sensors.host import Host
from structlog.testing import capture_logs

Times = namedtuple("Times", "user nice system idle iowait guest guest_nice")


def values(source: Host) -> dict[str, float]:
    return {reading.name: reading.value for reading in source.read()}


@pytest.fixture
def source() -> Host:
    seconds = iter(range(100))
    return Host(lambda: 2.0 * next(seconds), structlog.get_logger())


def interfaces(monkeypatch: pytest.MonkeyPatch, *readings: dict[str, tuple[int, int]]) -> None:
    left = [
        {name: SimpleNamespace(bytes_recv=moved[0], bytes_sent=moved[1]) for name, moved in reading.items()}
        for reading in readings
    ]
    monkeypatch.setattr(psutil, "net_io_counters", lambda **_: left.pop(0))


def test_any_host_has_load_memory_and_disks_and_rates_from_the_second_reading_on(source: Host) -> None:
    first, second = values(source), values(source)
    assert {"host_load_1m", "host_load_5m", "host_memory_used", "host_disk_used_root"} <= set(first)
    assert 0 < first["host_memory_used"] < 100
    assert {"host_network_received", "host_network_sent"} <= set(second) - set(first)
    assert second["host_network_received"] >= 0


def test_processors_in_use_are_those_since_the_last_reading_whatever_thread_asks(
    source: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([Times(100, 0, 0, 900, 0, 50, 0), Times(103, 0, 0, 906, 1, 51, 0)])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(times))
    assert "host_cpu" not in values(source)
    assert values(source)["host_cpu"] == pytest.approx(30.0)


def test_network_is_that_of_hardware_where_there_is_any(source: Host, monkeypatch, tmp_path) -> None:
    (tmp_path / "eth0" / "device").mkdir(parents=True)
    monkeypatch.setattr(host, "INTERFACES", tmp_path)
    bridged = {"lo": (0, 0), "eth0": (1000, 100), "docker0": (500, 50)}
    interfaces(monkeypatch, bridged, {"lo": (9, 9), "eth0": (3000, 400), "docker0": (5000, 500)})
    source.read()
    second = values(source)
    assert (second["host_network_received"], second["host_network_sent"]) == (1000.0, 150.0)


def test_network_of_a_container_is_all_but_the_loopback(source: Host, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(host, "INTERFACES", tmp_path)
    interfaces(monkeypatch, {"lo": (0, 0), "eth0": (0, 0)}, {"lo": (99, 99), "eth0": (20, 10)})
    source.read()
    assert values(source)["host_network_received"] == 10.0


def test_an_interface_that_comes_goes_or_counts_anew_has_no_part_in_the_rate(
    source: Host, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(host, "INTERFACES", tmp_path)
    before = {"a": (100, 100), "gone": (10**9, 10**9), "anew": (10**9, 10**9)}
    interfaces(monkeypatch, before, {"a": (140, 120), "new": (10**9, 10**9), "anew": (1, 1)})
    source.read()
    second = values(source)
    assert (second["host_network_received"], second["host_network_sent"]) == (20.0, 10.0)


def test_a_disk_is_served_once_and_images_that_are_always_full_are_not(
    source: Host, monkeypatch, tmp_path
) -> None:
    (tmp_path / "my data" / "deep").mkdir(parents=True)
    (tmp_path / "hosts").touch()
    mounts = [
        ("/dev/sda1", tmp_path / "my data" / "deep", "ext4"),
        ("/dev/sda1", tmp_path / "my data", "ext4"),
        ("/dev/sda1", tmp_path / "hosts", "ext4"),
        ("/dev/loop0", tmp_path, "squashfs"),
    ]
    partitions = [SimpleNamespace(device=d, mountpoint=str(m), fstype=f) for d, m, f in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda: partitions)
    disks = {name for name in values(source) if name.startswith("host_disk_used_")}
    expected = str(tmp_path / "my data").strip("/").replace("/", "_").replace(" ", "_")
    assert disks == {"host_disk_used_root", f"host_disk_used_{expected}"}


def test_what_a_host_does_not_tell_is_left_out_and_said_once(source: Host, monkeypatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError("no /proc/net/dev for you")

    monkeypatch.setattr(psutil, "net_io_counters", refuse)
    with capture_logs() as logs:
        figures = [values(source) for _ in range(3)]
    assert "host_load_1m" in figures[-1]
    assert [(event["event"], event["what"]) for event in logs] == [("host.unreadable", "network")]
