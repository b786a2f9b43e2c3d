"""A live node that writes a note when it is asked for its field ``write``, and says so before it answers."""

import os
import time

import sisock
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread

SECOND_S = 1.1
"""`updated` is published once a second at most."""


class Diary(sisock.DataNode):
    name, description, live = "diary", "Notes.", True

    def __init__(self):
        self.notes = []
        self.reads = 0
        self.session = None

    async def joined(self, session):
        self.session = session

    def fields(self, start, end):
        return [sisock.Field(name) for name in ("note", "reads", "write", "process")]

    def read(self, names, start, end, limits):
        if "write" in names:
            self.notes.append(float(len(self.notes)))
            blockingCallFromThread(_reactor(), self.tell)
        self.reads += 1
        middle = [(start + end) / 2]
        columns = {"note": self.notes, "reads": [self.reads], "write": [1.0], "process": [os.getpid()]}
        for name in names:
            values = columns[name]
            until = None if name != "process" else end
            yield sisock.Series(name, middle * len(values), values, "", until)

    async def tell(self):
        self.session.publish_updated(time.time())
        await deferLater(_reactor(), SECOND_S)


def _reactor():
    from twisted.internet import reactor

    return reactor


if __name__ == "__main__":
    sisock.run(lambda config: Diary(), sisock.NodeConfig)
