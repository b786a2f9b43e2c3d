"""A consumer of the predecessor's time: autobahn's runner, which takes no message over 1 MiB."""

import os

from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp import auth
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.ssl import Certificate, CertificateOptions

PROCEDURE = "org.simonsobservatory.consumer.clockwork.get_data"


class Caller(ApplicationSession):
    def onConnect(self):
        self.join(self.config.realm, ["wampcra"], "simonsobs")

    def onChallenge(self, challenge):
        with open(".crossbar/secrets/simonsobs") as file:
            return auth.compute_wcs(file.read().strip().encode(), challenge.extra["challenge"])

    @inlineCallbacks
    def onJoin(self, details):
        for samples in (1000, 58_200, 58_300, 1000):
            reply = yield self.call(PROCEDURE, ["sine"], 1, 1 + samples)
            print("samples", reply and len(reply["data"]["sine"]), flush=True)
        reactor.stop()


with open(".crossbar/server_cert.pem") as pem:
    trust = CertificateOptions(trustRoot=Certificate.loadPEM(pem.read()))
url = "wss://127.0.0.1:" + os.environ["CROSSBAR_TLS_PORT"] + "/ws"
ApplicationRunner(url, "test_realm", ssl=trust).run(Caller)
