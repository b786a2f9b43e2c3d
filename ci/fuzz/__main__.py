"""Feed nonsense to what reads it: ``python -m fuzz [--count N] [--seed N] [TARGET ...]``, from ``ci/``.

A fault is an error that nobody expects there, a reply of 500, or an input that takes more than five
seconds of the processor. Its input is written to ``build/fuzz/``, and the same seed makes it again.
"""

import argparse
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

from fuzz.nonsense import Nonsense
from fuzz.targets import TARGETS, Target

LONGEST_S = 5
KEPT = Path(__file__).parents[2] / "build" / "fuzz"
MOST_TOLD = 5


class TooLongError(Exception):
    """One input took longer than any may."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="inputs for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], default=[])
    given = parser.parse_args()
    signal.signal(signal.SIGVTALRM, _too_long)
    print("| target | inputs | seconds | refused | faults |\n|---|---|---|---|---|", flush=True)
    faults = 0
    for name in given.target or TARGETS:
        with TARGETS[name]() as target:
            faults += run(name, target, given.count, given.seed)
    sys.exit(1 if faults else 0)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TooLongError(f"more than {LONGEST_S} s of the processor")


def run(name: str, target: Target, count: int, seed: int) -> int:
    """Feed one target; prints a row, and each fault; how many there were."""
    began, refused = time.monotonic(), 0
    told: dict[str, int] = {}
    for number in range(count):
        nonsense = Nonsense(seed, name, number)
        signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S)
        try:
            refused += not target.feed(nonsense)
        except Exception as error:  # noqa: BLE001 (this is what is looked for)
            where = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
            told[key] = told.get(key, 0) + 1
            if told[key] == 1 and len(told) <= MOST_TOLD:
                KEPT.mkdir(parents=True, exist_ok=True)
                (KEPT / f"{name}-{seed}-{number}.txt").write_text(
                    f"{target.shown()}\n\n{traceback.format_exc()}"
                )
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    faults = sum(told.values())
    print(f"| {name} | {count} | {time.monotonic() - began:.0f} | {refused} | {faults} |", flush=True)
    for key, times in told.items():
        print(f"  {name}: {key}, {times} times", file=sys.stderr, flush=True)
    return faults


if __name__ == "__main__":
    main()
