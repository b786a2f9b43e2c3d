"""A data server of the predecessor's time that samples by itself, started in the ways of that time."""

import os
import sys
import time

import sisock
from autobahn.twisted.wamp import ApplicationRunner
from autobahn.wamp.types import ComponentConfig
from twisted.internet.ssl import Certificate, CertificateOptions
from twisted.internet.task import LoopingCall


class Ticking(sisock.base.DataNodeServer):
    name = os.environ["NAME"]
    description = "Counts who samples."
    samples = []
    loops = 0

    def __init__(self, config, period=0.05):
        super().__init__(config)
        self.period = period

    def after_onJoin(self, details):
        Ticking.loops += 1
        self.loop = LoopingCall(self.samples.append, Ticking.loops)
        self.loop.start(self.period)

    def get_fields(self, start, end):
        return (
            {"loop": {"description": None, "timeline": "t", "type": "number", "units": None}},
            {"t": {"interval": None, "field": ["loop"]}},
        )

    def get_data(self, field, start, end, min_stride=None):
        loops = sorted(set(self.samples))
        t = [time.time() - 1.0] * len(loops)
        return {"data": {"loop": loops}, "timeline": {"t": {"t": t, "finalized_until": None}}}


def main():
    with open(".crossbar/server_cert.pem") as pem:
        opt = CertificateOptions(trustRoot=Certificate.loadPEM(pem.read()))
    url = "wss://%s:%d/ws" % (sisock.base.SISOCK_HOST, sisock.base.SISOCK_PORT)
    runner = ApplicationRunner(url, sisock.base.REALM, ssl=opt)
    way = sys.argv[1]
    if way == "class":
        runner.run(Ticking)
    elif way == "instance":
        runner.run(Ticking(ComponentConfig(sisock.base.REALM, {}), period=0.02))
    elif way == "reconnecting":
        runner.run(Ticking, auto_reconnect=True)
    elif way == "embedded":
        from twisted.internet import reactor

        runner.run(Ticking, start_reactor=False)
        reactor.run()


if __name__ == "__main__":
    main()
