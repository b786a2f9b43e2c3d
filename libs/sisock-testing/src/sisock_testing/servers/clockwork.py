"""A data server as an author writes it: one sine, a sample each second since the epoch."""

import os
import time

import numpy as np
import sisock
from twisted.internet.task import LoopingCall


class Clockwork(sisock.DataNode):
    name, description = os.environ.get("NAME", "clockwork"), "A sine of time."

    live = os.environ.get("LIVE") == "yes"

    async def joined(self, session):
        if self.live:
            LoopingCall(lambda: session.publish_updated(time.time())).start(1.0)

    def fields(self, start, end):
        said = {"source": f"{self.name}.sine", "limits": sisock.Bounds(alarm_high=1.5), "silent_after": 5.0}
        return [sisock.Field("sine", "sin(t)", "V", interval=1.0, **said)]

    def read(self, names, start, end, limits):
        if "sine" not in names:
            return []
        if end - start > 1e7:
            raise sisock.TooMuchDataError("ask for less")
        if start == 666:
            raise RuntimeError("the disk is on fire")
        t = np.arange(np.ceil(start), end)
        return [sisock.Series("sine", t, np.sin(t))]


if __name__ == "__main__":
    sisock.run(lambda config: Clockwork(), sisock.NodeConfig)
