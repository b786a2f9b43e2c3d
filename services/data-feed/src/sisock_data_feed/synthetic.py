"""A stand-in for an OCS agent: publishes a seeded feed on the open port, for demos and benchmarks.

Nothing here was measured. The values are a function of time and seed alone, the messages those of
``ocs.ocs_feed``; OCS itself is not needed::

    TARGET=demo python -m sisock_data_feed.synthetic
"""

import os
import time
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sisock import ConfigError, RouterConfig, load, logs, setting
from sisock.config import count, seconds
from sisock.connection import Connection
from sisock.runner import EXIT_CONFIG, exit_with, run_until_stopped
from twisted.internet.task import LoopingCall

from sisock_data_feed.topics import Address

SEED = 20190110
MOST_LATE_S = 10.0
"""What could not be published for longer than that never is."""

_PERIODS_S = np.array([7.0, 61.0, 307.0, 1511.0])
_AMPLITUDES_K = np.array([0.0008, 0.002, 0.005, 0.012])


@dataclass(frozen=True)
class SyntheticConfig(RouterConfig):
    """Which feed is published, and how much of it."""

    target: str = setting("TARGET", default="demo")
    feed: str = setting("FEED", default="temperatures")
    channels: int = setting("CHANNELS", count, default=4)
    sample_interval: float = setting("SAMPLE_INTERVAL", seconds, default=0.1)
    message_interval: float = setting("MESSAGE_INTERVAL", seconds, default=1.0)


def temperatures(t: npt.NDArray[np.float64], channel: int) -> npt.NDArray[np.float64]:
    """Temperatures of one thermometer.

    Parameters
    ----------
    t : (n,) float64
        UNIX seconds.
    channel : int
        Counts from 1; each has a stage of its own, from 0.1 K up.

    Returns
    -------
    (n,) float64
        Kelvin: a constant and four slow waves of seeded phase.
    """
    turns = t[:, np.newaxis] / _PERIODS_S + _phases(channel)
    wave: npt.NDArray[np.float64] = np.sin(2 * np.pi * turns) @ _AMPLITUDES_K
    return 0.1 * channel + wave


@cache
def _phases(channel: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng((SEED, channel)).random(len(_PERIODS_S))


def message(address: Address, t: npt.NDArray[np.float64], channels: int, session_id: str) -> list[Any]:
    """Make a message as ``ocs.ocs_feed.Feed`` publishes it.

    Parameters
    ----------
    address : Address
    t : (n,) float64
        UNIX seconds of the thermometers' samples; the status is sampled at the last of them.
    channels : int
        How many thermometers.
    session_id : str
        Of the agent's run.

    Returns
    -------
    list
        ``[blocks, feed]``.
    """
    names = [f"Channel_{channel:02d}_T" for channel in range(1, channels + 1)]
    values = {name: temperatures(t, channel).tolist() for channel, name in enumerate(names, start=1)}
    last = float(t[-1])
    heating = last % 120 < 30
    status = {"heater_on": [heating], "state": ["heating" if heating else "cooling"]}
    blocks = {
        "temps": {"block_name": "temps", "timestamps": t.tolist(), "data": values, "influxdb_tags": None},
        "status": {"block_name": "status", "timestamps": [last], "data": status, "influxdb_tags": None},
    }
    feed = {
        "agent_address": f"observatory.{address.target}",
        "agg_params": {"frame_length": 60},
        "feed_name": address.feed,
        "address": str(address),
        "record": True,
        "session_id": session_id,
        "agent_class": "Synthetic",
    }
    return [blocks, feed]


class Publisher:
    """Publishes on each session that the router accepts (see `sisock.connection.Owner`)."""

    def __init__(self, config: SyntheticConfig) -> None:
        self._config = config
        self._address = Address(config.target, config.feed)
        self._session_id = str(time.time())
        self._done = time.time()
        self._ticks: LoopingCall | None = None

    async def joined(self, session: Any, _details: Any) -> None:
        """Publish for as long as the session lasts."""
        self._ticks = LoopingCall(self._publish, session)
        self._ticks.start(self._config.message_interval)

    def lost(self) -> None:
        """Pause."""
        if self._ticks is not None and self._ticks.running:
            self._ticks.stop()

    def _publish(self, session: Any) -> None:
        step, now = self._config.sample_interval, time.time()
        begin = max(self._done, now - MOST_LATE_S)
        t = np.arange(np.floor(begin / step) + 1, np.floor(now / step) + 1) * step
        self._done = now
        if len(t):
            session.publish(
                str(self._address), message(self._address, t, self._config.channels, self._session_id)
            )


def main() -> None:
    """Publish until told to stop."""
    try:
        config = load(SyntheticConfig, os.environ)
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)
    logs.configure("synthetic", config.log_level)
    from twisted.internet import reactor  # noqa: PLC0415 (importing it chooses and installs it)

    # An agent of OCS has no secret, and data servers' may not publish on its topics.
    nobody = replace(config, wamp_secret=None, crossbar_dir=config.crossbar_dir / "none")
    connection = Connection(reactor, nobody, Publisher(config), logs.get(), open_port=True)
    exit_with("", run_until_stopped(reactor, connection.run, connection.stop, logs.get()))


if __name__ == "__main__":
    main()
