"""Load on an HTTP server by wrk: whole connections kept busy, latencies measured outside of Python."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

WARM_UP_S = 1
_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Load:
    """What was measured: latencies in ms, and replies per second over all connections."""

    median_ms: float
    p99_ms: float
    per_second: float


COUNTER = b"COUNTER"
"""Stands in a body for a number that is another one in every request."""


def post(port: int, path: str, body: bytes, connections: int, seconds: int) -> Load:
    """Post a body over some connections for some seconds, after a short warm-up.

    Raises
    ------
    RuntimeError
        If wrk is missing, or any reply is not 2xx.
    """
    if shutil.which("wrk") is None:
        raise RuntimeError("the load generator wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as directory:
        payload, script = Path(directory, "body"), Path(directory, "post.lua")
        payload.write_bytes(body)
        script.write_text(
            'wrk.method = "POST"\n'
            'wrk.headers["Content-Type"] = "application/json"\n'
            f'local text = io.open("{payload}", "rb"):read("*a")\n'
            f'local before, after = text:match("^(.*){COUNTER.decode()}(.*)$")\n'
            "local count = 0\n"
            "request = function()\n"
            "  count = count + 1\n"
            "  local number = count % 50000 + 9000\n"
            "  return wrk.format(nil, nil, nil, before and before .. number .. after or text)\n"
            "end\n"
        )
        command = ["wrk", "-t1", f"-c{connections}", "--latency", "--timeout", "30s", "-s", str(script)]
        url = f"http://127.0.0.1:{port}{path}"
        subprocess.run([*command, f"-d{WARM_UP_S}s", url], check=True, capture_output=True)
        told = subprocess.run(
            [*command, f"-d{seconds}s", url], check=True, capture_output=True, text=True
        ).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    return Load(
        _latency(told, 50), _latency(told, 99), float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])
    )


def _latency(told: str, percent: int) -> float:
    value, unit = re.search(rf"\s{percent}%\s+([\d.]+)(us|ms|s)", told).groups()
    return float(value) * _UNITS_MS[unit]
