"""Run under umockdev: for each line on standard input read the chips, or look for them many times."""

import json
import os
import sys
from pathlib import Path

import structlog
from sisock_sensors.chips import Chips
from sisock_sensors.libsensors import LibSensors

SCANS = 3000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grown_bytes() -> int:
    library = LibSensors()
    for _ in range(SCANS):
        library.scan()
    before = resident_bytes()
    for _ in range(SCANS):
        library.scan()
    return resident_bytes() - before


structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
chips = Chips(structlog.get_logger())
for line in sys.stdin:
    if line.strip() == "read":
        answer = {reading.name: [reading.value, reading.units] for reading in chips.read()}
    elif line.strip() == "describe":
        answer = {reading.name: reading.description for reading in chips.read()}
    else:
        answer = grown_bytes()
    print(json.dumps(answer), flush=True)
