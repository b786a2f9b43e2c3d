"""The stand-in for an OCS agent."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sisock
from sisock_data_feed import synthetic
from sisock_data_feed.feed import parse
from sisock_data_feed.synthetic import Publisher, SyntheticConfig, message, temperatures
from sisock_data_feed.topics import Address


def test_its_messages_are_those_of_ocs(address: Address) -> None:
    t = 1.7e9 + np.arange(10) / 10
    told, feed = message(address, t, 2, "1")
    parsed = parse([told, feed])
    assert parsed.problems == {}
    assert parsed.address == address
    temps, status = parsed.blocks
    assert list(temps.columns) == [("Channel_01_T", "number"), ("Channel_02_T", "number")]
    assert list(status.columns) == [("heater_on", "bool"), ("state", "string")]
    np.testing.assert_array_equal(temps.t, t)
    for number in (1, 2):
        np.testing.assert_array_equal(
            temps.columns[f"Channel_0{number}_T", "number"], temperatures(t, number)
        )
    assert status.t.tolist() == [t[-1]]
    assert (feed["record"], feed["agg_params"], feed["session_id"]) == (True, {"frame_length": 60}, "1")


@pytest.mark.parametrize(
    ("second", "state"), [(0.0, "heating"), (29.9, "heating"), (30.0, "cooling"), (119.9, "cooling")]
)
def test_its_heater_is_on_for_half_a_minute_in_two(address: Address, second: float, state: str) -> None:
    t = np.array([1_200_000_000.0 + second])
    _, status = parse(message(address, t, 1, "1")).blocks
    assert status.columns["state", "string"].tolist() == [state]
    assert status.columns["heater_on", "bool"].tolist() == [int(state == "heating")]


def test_its_temperatures_are_the_same_each_time() -> None:
    t = 1.7e9 + np.arange(1000.0)
    kelvin = temperatures(t, 3)
    np.testing.assert_array_equal(kelvin, temperatures(t, 3))
    assert abs(kelvin - 0.3).max() < 0.02
    assert kelvin.std() > 0.001
    # As they have always been: pictures and benchmarks are made of them.
    assert temperatures(np.array([0.0, 1e3, 1e9]), 1) == pytest.approx(
        [0.1008471, 0.1097560, 0.0993399], abs=1e-6
    )


def test_each_sample_is_published_once_and_what_is_late_never(
    monkeypatch: pytest.MonkeyPatch, address: Address
) -> None:
    clock = SimpleNamespace(now=1000.03)
    monkeypatch.setattr(synthetic, "time", SimpleNamespace(time=lambda: clock.now))
    config = sisock.load(SyntheticConfig, {"TARGET": address.target, "CHANNELS": "1"})
    assert (config.sample_interval, config.message_interval, config.feed) == (0.1, 1.0, "temperatures")
    usual = sisock.load(SyntheticConfig, {})
    assert (usual.target, usual.channels) == ("demo", 4)
    heard: list[tuple[str, list[float]]] = []
    session = SimpleNamespace(
        publish=lambda topic, told: heard.append((topic, told[0]["temps"]["timestamps"]))
    )
    publisher: Any = Publisher(config)
    for clock.now in (1000.25, 1000.29, 1000.5, 2000.0):
        publisher._publish(session)
    assert {topic for topic, _ in heard} == {str(address)}
    first, second, third = ([round(t, 6) for t in times] for _, times in heard)
    assert (first, second) == ([1000.1, 1000.2], [1000.3, 1000.4, 1000.5])
    assert (third[0], third[-1], len(third)) == (1990.1, 2000.0, 100)


def test_it_publishes_while_there_is_a_session_and_pauses_without(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    class Ticks:
        def __init__(self, call: Any, session: Any) -> None:
            self.session, self.running = session, False

        def start(self, interval: float) -> None:
            self.running = True
            started.append((self, interval))

        def stop(self) -> None:
            assert self.running
            self.running = False

    monkeypatch.setattr(synthetic, "LoopingCall", Ticks)
    publisher = Publisher(sisock.load(SyntheticConfig, {"MESSAGE_INTERVAL": "0.5"}))
    publisher.lost()
    joined = publisher.joined("session", None)
    with pytest.raises(StopIteration):
        joined.send(None)
    ((ticks, interval),) = started
    assert (ticks.session, ticks.running, interval) == ("session", True, 0.5)
    publisher.lost()
    publisher.lost()
    assert not ticks.running


def test_it_publishes_as_nobody_on_the_open_port_until_it_is_told_to_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[Any] = []

    def connect(_reactor: Any, config: Any, owner: Any, _log: Any, *, open_port: bool) -> Any:
        made.append((config, owner, open_port))
        return SimpleNamespace(run="run", stop="stop")

    monkeypatch.setattr(synthetic, "Connection", connect)
    monkeypatch.setattr(synthetic.logs, "configure", lambda *_: None)
    monkeypatch.setattr(
        synthetic, "run_until_stopped", lambda _reactor, run, stop, _log: 3 * (run + stop == "runstop")
    )
    for name, value in {"WAMP_SECRET": "ours", "CROSSBAR_DIR": str(tmp_path), "TARGET": "a"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        synthetic.main()
    assert ended.value.code == 3
    ((config, owner, open_port),) = made
    # An agent of OCS has no secret.
    assert (config.wamp_secret, config.crossbar_dir, open_port) == (None, tmp_path / "none", True)
    assert isinstance(owner, Publisher)
    monkeypatch.setenv("SAMPLE_INTERVAL", "never")
    with pytest.raises(SystemExit) as ended:
        synthetic.main()
    assert ended.value.code == 2
    assert len(made) == 1
