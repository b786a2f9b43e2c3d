"""A data node as a night operator meets it: small and close numbers, no units, silence, a clock ahead."""

import os
import time

import numpy as np
import sisock
from twisted.internet.task import LoopingCall

FIELDS = {
    "pressure": ("mbar", 1.0, lambda t: 1e-5 + 3e-7 * np.sin(t / 40)),
    "stage": ("K", 1.0, lambda t: 1.011 + 2e-4 * np.sin(t / 30)),
    "shield": ("K", 1.0, lambda t: 1.0112 + 1e-4 * np.cos(t / 30)),
    "leak": (None, 1.0, lambda t: 1e-5 * (2 + np.sin(t / 20))),
    "gain": (None, 1.0, lambda t: 38 + np.sin(t / 25)),
    "dead": ("V", 1.0, lambda t: 0 * t + 0.1149),
    "ahead": ("V", 1.0, lambda t: np.sin(t / 10)),
}
SPIKE_S = float(os.environ.get("SPIKE", "0"))
"""When there is a spike of 10 s, UNIX seconds."""

if SPIKE_S:
    FIELDS["spiky"] = ("K", 1.0, lambda t: np.where(np.abs(t - SPIKE_S) < 5, 50.0, 4.0 + np.sin(t / 3600)))
FIELDS |= {
    f"more_{i}": ("K", 1.0, lambda t, i=i: i + np.sin(t / 3000 + i))
    for i in range(int(os.environ.get("MORE", "0")))
}
UNTIL = float(os.environ.get("UNTIL", "inf"))
"""An archive whose last samples are of then; else it is live."""

SHIFT_S = {} if os.environ.get("CALM") else {"dead": -1800.0, "ahead": 20.0}


class Night(sisock.DataNode):
    name, description, live = os.environ.get("NAME", "night"), "Thermometers and a gauge.", np.isinf(UNTIL)

    async def joined(self, session):
        if self.live:
            LoopingCall(lambda: session.publish_updated(time.time())).start(1.0)

    def fields(self, start, end):
        said = {"dead": {"silent_after": 5.0}} if SHIFT_S else {}
        return [
            sisock.Field(name, units=units, interval=step, **said.get(name, {}))
            for name, (units, step, _) in FIELDS.items()
        ]

    def read(self, names, start, end, limits):
        made = []
        for name in names:
            _, step, value = FIELDS[name]
            t = np.arange(
                np.ceil(start), min(end, UNTIL, sisock.sisock_to_unix_time(0) + SHIFT_S.get(name, 0.0)), step
            )
            made.append(sisock.Series(name, t, value(t)))
        return made


if __name__ == "__main__":
    sisock.run(lambda config: Night(), sisock.NodeConfig)
