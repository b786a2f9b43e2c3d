"""What watch costs with many fields: ``python services/watch/tests/cost.py [FIELDS [LIMITED [SECONDS]]]``.

A real router, one live node that has all the fields and says each second that they grew, and watch.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import sisock
from sisock import uris

FIELDS, LIMITED = 20_000, 300


class Many(sisock.DataNode):
    """So many fields, one sample a second each, a hundred fields a timeline."""

    name, description, live = "many", "Many fields.", True

    def fields(self, _start, _end):
        limits = sisock.Bounds(alarm_high=2.0)
        for number in range(int(os.environ["FIELDS"])):
            limited = {"limits": limits} if number < int(os.environ["LIMITED"]) else {}
            yield sisock.Field(f"f{number}", timeline=f"t{number // 100}", interval=1.0, **limited)

    def read(self, names, start, end, _limits):
        t = np.arange(np.ceil(max(start, time.time() - 3600)), min(end, time.time()))
        values = np.sin(t)
        for name in names:
            yield sisock.Series(name, t, values, f"t{int(name[1:]) // 100}")

    async def joined(self, session):
        session.every(1.0, time.time)


def main(fields: int, limited: int, seconds: float) -> None:
    from sisock_testing.stack import Peer, Reactor, Stack, wait_until

    stack = Stack(Path(tempfile.mkdtemp()))
    reactor = Reactor()
    try:
        stack.start_hub()
        stack.start("many", [sys.executable, __file__, "node"], FIELDS=str(fields), LIMITED=str(limited))
        process = stack.start_module("sisock_watch", STATE_DB="watch.sqlite")
        peer = Peer(reactor, stack.config(WAMP_USER="simonsobs"))
        peer.wait_for_node("watch")
        empty = psutil.Process(process.pid).memory_info().rss

        def fresh() -> bool:
            return peer.call(uris.WATCH_STATE, most=1)["counts"]["fresh"] >= fields

        began = time.time()
        wait_until(fresh, 300, "all fields are fresh", 1.0)
        print(f"all fresh after {time.time() - began:.0f} s")
        watch = psutil.Process(process.pid)
        time.sleep(15)
        before = watch.cpu_times()
        time.sleep(seconds)
        after = watch.cpu_times()
        used = after.user + after.system - before.user - before.system
        taken = []
        for number in range(50):
            began = time.perf_counter()
            peer.call(uris.WATCH_STATE, search=f"f{number}5")
            taken.append(time.perf_counter() - began)
        memory = watch.memory_info().rss
        print(f"{fields} fields, {limited} with limits: {100 * used / seconds:.1f} % of a core")
        print(f"{memory / 1e6:.0f} MB, {(memory - empty) / 1e6:.0f} MB more than without fields")
        print(
            f"filtered state over WAMP: median {sorted(taken)[25] * 1e3:.1f} ms, "
            f"slowest {max(taken) * 1e3:.1f} ms"
        )
        peer.close()
    finally:
        stack.stop()
        reactor.stop()


if __name__ == "__main__":
    if sys.argv[1:] == ["node"]:
        sisock.run(lambda _config: Many(), sisock.NodeConfig)
    else:
        given = [float(text) for text in sys.argv[1:]]
        fields, limited, seconds = (*given, *(float(FIELDS), float(LIMITED), 60.0)[len(given) :])
        main(int(fields), int(limited), seconds)
