"""A live data node that does as a file says: which values its sensors have, which of them are silent."""

import json
import os
import time
from pathlib import Path

import numpy as np
import sisock

CONTROL = Path(os.environ["CONTROL"])
PERIOD_S = 0.25
KEPT = 4000


class Faucet(sisock.DataNode):
    name, description, live = os.environ.get("NAME", "faucet"), "Does as it is told.", True

    def __init__(self):
        self._samples = {"hot": [], "cold": [], "clock": []}

    def fields(self, start, end):
        return [
            sisock.Field("hot", "a sensor", "K", timeline="water"),
            sisock.Field("cold", "its neighbour", "K", timeline="water"),
            sisock.Field("clock", "its clock may be wrong", timeline="clock"),
        ]

    def read(self, names, start, end, limits):
        for name in names:
            kept = [one for one in self._samples[name] if start <= one[0] < end]
            t, v = np.array(kept).reshape(-1, 2).T
            yield sisock.Series(name, t, v, timeline=f"own.{name}")

    async def joined(self, session):
        session.every(PERIOD_S, self._sample)

    def _sample(self):
        told = json.loads(CONTROL.read_text())
        now = time.time()
        for name in self._samples:
            if name not in told.get("silent", ()):
                ahead = told.get("ahead", 0.0) if name == "clock" else 0.0
                # A clock that was put right leaves no samples in the future.
                kept = [one for one in self._samples[name] if one[0] < now + ahead][-KEPT:]
                self._samples[name] = [*kept, (now + ahead, told.get(name, 1.0))]
        return now


if __name__ == "__main__":
    sisock.run(lambda config: Faucet(), sisock.NodeConfig)
