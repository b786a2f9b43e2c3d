"""Run drills: ``python -m drills [--seconds S] [--quick] [WORD ...]``, from ``ci/``; all of them by default.

Each prints how many queries failed while it lasted and until all was well again, how soon after the end of
the fault that was, and what was lost of what the live node had before: samples that had reached it.
"""

import argparse
import sys
import time
from dataclasses import dataclass

from sisock_testing import wait_until

from drills.faults import all_faults, clock_faults
from drills.site import FAKETIME, Fault, Site, reactor, running

BACK_DEADLINE_S = 60.0
QUICK = ("SIGKILL of router", "SIGKILL of hub", "SIGKILL of bridge", "SIGKILL of feed node", "files replaced",
         "source's clock an hour ahead")  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What a drill cost."""

    asked: int
    failed: int
    back_s: float
    lost: int
    missed: int

    @property
    def good(self) -> bool:
        """Whether nothing that had reached us was lost, and all was well soon."""
        return self.lost == 0 and self.back_s < BACK_DEADLINE_S


def run(site: Site, fault: Fault) -> Outcome:
    """Do one drill."""
    wait_until(lambda: well(site), BACK_DEADLINE_S, "all is well before")
    began = time.time()
    with fault(site):
        over = time.time()
        try:
            wait_until(lambda: well(site), BACK_DEADLINE_S, "all is well again", step_s=0.05)
            back = time.time() - over
        except TimeoutError:
            back = float("inf")
    time.sleep(1.0)
    asked = [ok for t, ok, _ in site.asker.answers if t >= began]
    until = time.time() - 1.0
    served = site.served(began - 7300.0)
    # What the router took well before the fault had reached the node: half a second is its own commit.
    before = {n for taken, _, n in site.agent.taken if taken < began - 0.5 and began - taken < 300}
    during = {n for taken, _, n in site.agent.taken if began - 0.5 <= taken < until}
    lost, missed = before - served - site.missed, during - served
    site.missed |= missed | lost
    return Outcome(len(asked), asked.count(False), back, len(lost), len(missed))


def well(site: Site) -> bool:
    """Whether archive, live feed and states are all there."""
    return (
        bool(site.asker.answers)
        and site.asker.ask(site.url, DAY_QUERY, 1440)[0]
        and site.live_age_s() < 1.5
        and site.states()
    )


DAY_QUERY = "field=apex_archive::apex_radiometer&start=2017-07-14&end=2017-07-15&format=json"


def go_through(site: Site, faults: dict[str, Fault]) -> list[str]:
    """Do drills, print what each cost and what was remarked; names of those that went wrong."""
    bad = []
    for name, fault in faults.items():
        try:
            found = run(site, fault)
        except Exception as error:  # noqa: BLE001 (told as its outcome)
            print(f"| {name} | {type(error).__name__}: {error} | | | | |", flush=True)
            bad.append(name)
            continue
        counts = f"{found.asked} | {found.failed} | {found.back_s:.1f} s | {found.lost} | {found.missed}"
        print(f"| {name} | {counts} |", flush=True)
        if not found.good:
            bad.append(name)
    for remark in site.remarks:
        print(f"\n{remark}", flush=True)
    return bad


def main() -> None:
    parser = argparse.ArgumentParser(prog="drills", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long what is stopped stays so")
    parser.add_argument("--quick", action="store_true", help="six of them, within a minute")
    parser.add_argument("word", nargs="*", help="only those whose name has one of these words")
    given = parser.parse_args()
    wanted = given.word or (QUICK if given.quick else [""])
    faults = {n: f for n, f in all_faults(given.seconds).items() if any(word in n for word in wanted)}
    if given.quick:
        faults = {
            n: f for n, f in faults.items() if n.startswith(QUICK) and "controller" not in n and "," not in n
        }
    print("| drill | queries | failed | well again after | lost | missed meanwhile |")
    print("|---|---|---|---|---|---|", flush=True)
    bad: list[str] = []
    clocks = {
        n: f for n, f in clock_faults().items() if not given.quick and any(word in n for word in wanted)
    }
    if clocks and not FAKETIME.exists():
        print("\nthe host's clock is not put: libfaketime is missing, Debian's package of that name")
        clocks = {}
    with reactor() as one:
        for some, own_clock in ((faults, False), (clocks, True)):
            if some:
                with running(one, full=any("MariaDB" in name for name in some), own_clock=own_clock) as site:
                    bad += go_through(site, some)
    if bad:
        sys.exit(f"not as it should be: {', '.join(bad)}")


if __name__ == "__main__":
    main()
