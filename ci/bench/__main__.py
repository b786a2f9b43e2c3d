"""Run benchmarks: ``python -m bench [NAME ...]``, from ``ci/``; all of them by default."""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
HELPERS = {"beside", "empty", "live", "load", "old_way", "swarm"}


def main() -> None:
    known = sorted(p.stem for p in HERE.glob("*.py") if not p.stem.startswith("_") and p.stem not in HELPERS)
    names = sys.argv[1:] or known
    for name in names:
        if name not in known:
            sys.exit(f"there is no benchmark {name!r}, only {', '.join(known)}")
    for name in names:
        print(f"\n== {name}\n", flush=True)
        importlib.import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
