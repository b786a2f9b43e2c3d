"""Load on an HTTP server by wrk: whole connections kept busy, latencies measured outside of Python."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

WARM_UP_S = 1
_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Load:
    """What was measured: latencies in ms, replies per second over all connections, and CPU of the servers.

    `cpu_ms` is that of each process that was named, for one reply.
    """

    median_ms: float
    p99_ms: float
    per_second: float
    cpu_ms: tuple[float, ...] = ()


COUNTER = b"COUNTER"
"""Stands in a body for a number that is another one in every request."""

AGO = '"AGO %d"'
"""Stands in a body for the moment so many ms before the request, in ms since 1970. The clock of wrk's script
has whole seconds; what is between them is counted up, as of people who ask one after the other."""

_SCRIPT = """
wrk.method = "{method}"
{headers}
local text = io.open("{payload}", "rb"):read("*a")
local before, after = text:match("^(.*)COUNTER(.*)$")
local moves = text:find('"AGO ') ~= nil
local count = 0
request = function()
  count = count + 1
  local sent = text
  if before then
    sent = before .. (count % 50000 + 9000) .. after
  end
  if moves then
    local now = os.time() * 1000 + count % 1000
    sent = sent:gsub('"AGO (%d+)"', function(ago) return string.format("%d", now - ago) end)
  end
  return wrk.format(nil, nil, nil, sent)
end
"""


def cpu_s(process_id: int) -> float:
    """CPU seconds of a process so far."""
    times = psutil.Process(process_id).cpu_times()
    return times.user + times.system


def post(
    port: int,
    path: str,
    body: bytes,
    connections: int,
    seconds: int,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    servers: Iterable[int] = (),
    used_s: Callable[[int], float] = cpu_s,
) -> Load:
    """Post a body over some connections for some seconds, after a short warm-up.

    Raises
    ------
    RuntimeError
        If wrk is missing, or any reply is not 2xx.
    """
    if shutil.which("wrk") is None:
        raise RuntimeError("the load generator wrk is missing: apt-get install wrk")
    processes = tuple(servers)
    said = {"Content-Type": "application/json", **(headers or {})}
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in said.items())
    with tempfile.TemporaryDirectory() as directory:
        payload, script = Path(directory, "body"), Path(directory, "post.lua")
        payload.write_bytes(body)
        made = _SCRIPT.replace("{method}", method).replace("{headers}", lines)
        script.write_text(made.replace("{payload}", str(payload)))
        command = ["wrk", "-t1", f"-c{connections}", "--latency", "--timeout", "30s", "-s", str(script)]
        url = f"http://127.0.0.1:{port}{path}"
        subprocess.run([*command, f"-d{WARM_UP_S}s", url], check=True, capture_output=True)
        before = [used_s(one) for one in processes]
        told = subprocess.run(
            [*command, f"-d{seconds}s", url], check=True, capture_output=True, text=True
        ).stdout
        used = [used_s(one) - then for one, then in zip(processes, before, strict=True)]
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(told)
    count = int(re.search(r"(\d+) requests in", told)[1])
    return Load(
        _latency(told, 50),
        _latency(told, 99),
        float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1]),
        tuple(one / count * 1e3 for one in used),
    )


def _latency(told: str, percent: int) -> float:
    value, unit = re.search(rf"\s{percent}%\s+([\d.]+)(us|ms|s)", told).groups()
    return float(value) * _UNITS_MS[unit]
