"""Run under umockdev: read the chips, take one away, put it back; print what was read each time."""

import json
import os
import shutil
import sys
from pathlib import Path

import structlog
from sisock_sensors.chips import RESCAN_READINGS, Chips

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
chips = Chips(structlog.get_logger())
link = Path(os.environ["UMOCKDEV_DIR"]) / "sys" / "class" / "hwmon" / "hwmon1"
away = link.parent.parent / "hwmon1-away"
read = [chips.read()]
shutil.move(link, away)
read.append([chips.read() for _ in range(RESCAN_READINGS)][-1])
shutil.move(away, link)
read.append([chips.read() for _ in range(RESCAN_READINGS)][-1])
chips.close()
json.dump([{r.name: [r.value, r.units] for r in readings} for readings in read], sys.stdout)
