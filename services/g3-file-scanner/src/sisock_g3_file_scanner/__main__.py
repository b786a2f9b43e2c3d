"""``sisock-g3-file-scanner``: keep the index of an archive of .g3 files."""

import argparse
import os
import signal
import sys

from sisock import logs, metrics
from sisock.config import load
from sisock.errors import ConfigError
from sisock.runner import EXIT_CONFIG, EXIT_REFUSED, exit_with
from sisock_g3.errors import G3Error

from sisock_g3_file_scanner.config import Config
from sisock_g3_file_scanner.measures import Measures
from sisock_g3_file_scanner.rounds import Rounds


def main() -> int:
    """Read the environment, scan until told to end."""
    parser = argparse.ArgumentParser(description="Index .g3 housekeeping files for sisock-g3-reader.")
    parser.add_argument("--once", action="store_true", help="scan once and end, for cron")
    arguments = parser.parse_args()
    try:
        config = load(Config, os.environ)
        registry = metrics.make_registry("sisock-g3-file-scanner")
        end_metrics = metrics.listen_in_thread(registry, config.metrics_port)
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)
    logs.configure("sisock-g3-file-scanner", config.log_level).follow_signal()
    log = logs.get()
    rounds = Rounds(config, log, Measures(registry))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: rounds.stop())
    try:
        rounds.run(once=arguments.once)
    except G3Error as error:
        log.error("service.refused", why=str(error))
        code = EXIT_REFUSED
    else:
        code = 0
    finally:
        end_metrics()
    log.info("service.stopped", code=code)
    return code


if __name__ == "__main__":
    sys.exit(main())
