"""A data server written for the predecessor: only the names of CONTRACT section 2, plain dicts of lists."""

import sisock
import math

import six
from autobahn.twisted.wamp import ApplicationRunner
from OpenSSL import crypto
from twisted.internet._sslverify import OpenSSLCertificateAuthorities
from twisted.internet.ssl import CertificateOptions


class thermometer(sisock.base.DataNodeServer):
    name = "old_thermometer"
    description = "A thermometer of 2019."
    field = {
        "t1": {"description": None, "timeline": "ten", "type": "number", "units": "K"},
        "state": {"description": "heater", "timeline": "ten", "type": "string", "units": None},
    }
    timeline = {"ten": {"interval": 10.0, "field": ["t1", "state"]}}

    def after_onJoin(self, details):
        self.log.info("after_onJoin was called")

    def get_fields(self, start, end):
        return self.field, self.timeline

    def _get_data_blocking(self, field, start, end, min_stride=None):
        ret = {"data": {}, "timeline": {}}
        step = 10 * math.ceil(max(10, min_stride or 10) / 10)
        first = math.ceil(start / step) * step
        times = [float(t) for t in range(first, math.ceil(end), step)]
        for f in field:
            ret["data"][f] = []
            if f in self.field and times:
                ret["data"][f] = [t % 100 for t in times] if f == "t1" else ["on" for t in times]
                ret["timeline"]["ten"] = {"t": times, "finalized_until": None}
        return ret

    def get_data(self, field, start, end, min_stride=None):
        start = sisock.base.sisock_to_unix_time(start)
        end = sisock.base.sisock_to_unix_time(end)
        return self._get_data_blocking(field, start, end, min_stride)


if __name__ == "__main__":
    cert_fname = ".crossbar/server_cert.pem"
    cert = crypto.load_certificate(crypto.FILETYPE_PEM, six.u(open(cert_fname).read()))
    opt = CertificateOptions(trustRoot=OpenSSLCertificateAuthorities([cert]))
    runner = ApplicationRunner(
        "wss://%s:%d/ws" % (sisock.base.SISOCK_HOST, sisock.base.SISOCK_PORT), sisock.base.REALM, ssl=opt
    )
    runner.run(thermometer)
