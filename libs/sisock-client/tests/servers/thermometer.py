"""A live server whose samples, one a second, ended ``SILENT`` seconds ago."""

import os
import time

import numpy as np
import sisock

DAY_S = 86400
SILENT_S = float(os.environ.get("SILENT", "0"))


class Thermometer(sisock.DataNode):
    name, description, live = os.environ.get("NAME", "thermometer"), "A thermometer.", True

    def fields(self, start, end):
        return [sisock.Field("kelvin", units="K", interval=1.0)]

    def read(self, names, start, end, limits):
        if "kelvin" not in names:
            return []
        now = time.time()
        t = np.arange(np.ceil(max(start, now - DAY_S)), min(end, now - SILENT_S))
        return [sisock.Series("kelvin", t, np.sin(t))]


if __name__ == "__main__":
    sisock.run(lambda config: Thermometer(), sisock.NodeConfig)
