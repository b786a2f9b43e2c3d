"""Plant mistakes in a package, one at a time, and tell which its own tests do not notice.

``python -m mutants PACKAGE`` or ``--changed``, from ``ci/``: a sample, the same each time, of what
cosmic-ray's operators make of it, each with limits of time and memory. The quick tests that come to the
line are asked first, and about what they let pass those that start processes.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from mutants.making import Mutant, of_files
from mutants.running import PEERS, QUICK, SURVIVED, Copy, Notes

ROOT = Path(__file__).parents[2]
EQUAL = Path(__file__).with_name("equal.toml")
FAMILIES = {"sisock-g3": ("services/g3-file-scanner/tests", "services/g3-reader/tests")}
"""Tests of what a library is made for, which are asked, too."""


def folder(root: Path, package: str) -> Path:
    """Where a package is: `http`, `sisock-http` and `services/http` are the same."""
    for parent in ("libs", "services", "."):
        for name in (package, f"sisock-{package}"):
            if (root / parent / name / "src").is_dir():
                return (root / parent / name).relative_to(root)
    sys.exit(f"there is no package {package!r}")


def sources(root: Path, package: Path) -> list[str]:
    """Its files, without those that only tests use."""
    found = sorted((root / package / "src").rglob("*.py"))
    return [str(path.relative_to(root)) for path in found if "testing" not in path.parts]


def changed(root: Path, since: str) -> dict[str, set[int]]:
    """The lines of each source file that differ from where this branch left another."""
    base = subprocess.run(
        ["git", "merge-base", since, "HEAD"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()
    told = subprocess.run(
        ["git", "diff", "-U0", base, "--", "*/src/*.py"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    lines: dict[str, set[int]] = {}
    file = ""
    for line in told.splitlines():
        if line.startswith("+++ "):
            file = line.removeprefix("+++ b/")
        elif part := re.match(r"@@ .* \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(part[1]), int(part[2] or 1)
            lines.setdefault(file, set()).update(range(first, first + count))
    return {name: numbers for name, numbers in lines.items() if (root / name).is_file()}


def reasons(path: Path = EQUAL) -> dict[tuple[str, str, str], str]:
    """Why a mutant is equal in effect, by file, line before and line after."""
    if not path.exists():
        return {}
    kept = tomllib.loads(path.read_text()).get("equal", [])
    return {(one["file"], one["before"], one["after"]): one["why"] for one in kept}


def everywhere_equal(mutant: Mutant) -> str:
    """Why a mutant is equal in effect whatever file it is in; empty if it is not."""
    without = mutant.before.replace("slots=True", "slots=False")
    return "slots save memory" if mutant.after == without != mutant.before else ""


class Count:
    """What became of a package's mutants."""

    def __init__(self, package: Path, of: int) -> None:
        self.package, self.of = package, of
        self.mutants = self.quick = self.peers = self.equal = 0
        self.survived: list[Mutant] = []

    def row(self) -> str:
        """A line of the table in docs/proof.md."""
        unequal = self.mutants - self.equal
        share = f"{100 * (self.quick + self.peers) / unequal:.0f} %" if unequal else "-"
        left = len(self.survived)
        cells = (self.package.name, self.of, self.mutants, self.quick, self.peers, left, self.equal, share)
        return f"| {' | '.join(map(str, cells))} |"


class Examination:
    """The tests of a package, asked about one mistake after the other in a copy of the repository."""

    def __init__(self, copy: Copy, package: Path, notes: Notes, options: argparse.Namespace) -> None:
        self._copy, self._options = copy, options
        self._tests = [str(package / "tests"), *FAMILIES.get(package.name, ())]
        if copy.run(self._tests, 600, *QUICK, notes=notes) != SURVIVED:
            sys.exit(f"the tests of {package} fail as they are:\n{copy.log.read_text()[-3000:]}")
        seen = notes.read()
        self._touched, self._took = seen["touched"], seen["took"]
        copy.preload(seen["modules"])
        began = time.monotonic()
        if copy.run(self._tests, 600, *QUICK) != SURVIVED:
            sys.exit(f"the tests of {package} fail when forked:\n{copy.log.read_text()[-3000:]}")
        self._limit = options.limit or 10 + 4 * (time.monotonic() - began)
        self._peer_limit = 0.0 if options.quick else self._time_of_peers()

    def _time_of_peers(self) -> float:
        """The time for the tests with peers, by what they take on sound code."""
        began = time.monotonic()
        if self._copy.run(self._tests, 1800, *PEERS) != SURVIVED:
            sys.exit(f"the tests with peers fail as they are:\n{self._copy.log.read_text()[-3000:]}")
        return self._options.peer_limit or 30 + 3 * (time.monotonic() - began)

    def killed_by(self, mutant: Mutant) -> str:
        """Which tests notice a mistake: quick, peers, or none of them."""
        path = self._copy.top / mutant.file
        source = path.read_text()
        path.write_text(mutant.code(source))
        try:
            for tests in self._nearest(mutant):
                if self._copy.run(tests, self._limit, *QUICK) != SURVIVED:
                    return "quick"
            if self._options.quick:
                return ""
            return "peers" if self._copy.run(self._tests, self._peer_limit, *PEERS) != SURVIVED else ""
        finally:
            path.write_text(source)

    def _nearest(self, mutant: Mutant) -> list[list[str]]:
        """Quick tests to ask: those that come to the line, then the files that they are in.

        All of them where only imports come to it, and where none does: a process of a test's own may.
        """
        names = [name for name in self._touched.get(mutant.file, {}).get(str(mutant.line), ()) if name]
        if not names:
            return [self._tests]
        names.sort(key=lambda name: self._took.get(name, 0.0))
        return [names, sorted({name.partition("::")[0] for name in names})]


def examine(
    root: Path, package: Path, chosen: Sequence[Mutant], of: int, options: argparse.Namespace
) -> Count:
    """Try mutants on the tests of their package."""
    count = Count(package, of)
    known = reasons(Path(options.equal))
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copy = Copy(root, Path(directory) / "copy")
        examination = Examination(copy, package, Notes(Path(directory) / "notes"), options)
        end = time.monotonic() + options.seconds
        for mutant in chosen:
            if time.monotonic() > end:
                print(f"{package.name}: time is over")
                break
            why = known.get((mutant.file, mutant.before, mutant.after)) or everywhere_equal(mutant)
            by = "" if why else examination.killed_by(mutant)
            count.mutants += 1
            count.equal += bool(why)
            count.quick += by == "quick"
            count.peers += by == "peers"
            if not by and not why:
                count.survived.append(mutant)
                print(f"{mutant.file}:{mutant.line}\n- {mutant.before}\n+ {mutant.after}", flush=True)
            if options.note:
                with options.note.open("a") as note:
                    note.write(json.dumps({**asdict(mutant), "by": "equal" if why else by}) + "\n")
    return count


def again(note: Path, root: Path) -> list[Mutant]:
    """What survived according to notes, and still is a mistake that can be made."""
    found = []
    for line in note.read_text().splitlines():
        kept = json.loads(line)
        by, mutant = kept.pop("by"), Mutant(**kept)
        lines = (root / mutant.file).read_text().splitlines()
        if not by and mutant.before == "".join(lines[mutant.line - 1 : mutant.line]).strip():
            found.append(mutant)
    return found


def choose(root: Path, options: argparse.Namespace) -> Iterator[tuple[Path, list[Mutant], int]]:
    """The packages, what to try of each, and how many there are."""
    wanted: dict[Path, list[str]] = {}
    lines: dict[str, set[int]] = {}
    if options.changed:
        lines = changed(root, options.since)
        for file in lines:
            wanted.setdefault(Path(file.partition("/src/")[0]), []).append(file)
    for name in options.packages:
        package = folder(root, name)
        wanted[package] = sources(root, package)
    for package, files in sorted(wanted.items()):
        if not (root / package / "tests").is_dir():
            continue
        made = [one for one in of_files(root, files) if not lines or one.line in lines.get(one.file, ())]
        few = random.Random(options.seed).sample(made, min(options.count, len(made)))
        if options.only:
            few = [one for one in few if re.search(options.only, one.file)]
        if options.again:
            few = [one for one in again(options.again, root) if one in made]
        yield package, few, len(made)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 if anything survived."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--changed", action="store_true", help="only lines that differ from --since")
    parser.add_argument("--since", default="main")
    parser.add_argument("--count", type=int, default=80, help="mutants of each package, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1200, help="for each package")
    parser.add_argument("--limit", type=float, help="seconds for one mutant's quick tests")
    parser.add_argument("--quick", action="store_true", help="do not ask the tests that start processes")
    parser.add_argument("--note", type=Path, help="a file to which the outcome of each is added, as JSON")
    parser.add_argument("--again", type=Path, help="such notes: only what survived then")
    parser.add_argument("--peer-limit", type=float, help="seconds for one mutant's other tests")
    parser.add_argument("--only", help="only files that match")
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--equal", default=str(EQUAL))
    options = parser.parse_args(arguments)
    if not options.packages and not options.changed:
        parser.error("name packages, or --changed")
    counts = [examine(options.root, package, few, of, options)
              for package, few, of in choose(options.root, options)]  # fmt: skip
    heads = ["package", "there are", "tried", "killed by quick tests", "by those with peers", "survived",
             "equal", "killed of those not equal"]  # fmt: skip
    print(f"\n| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for count in counts:
        print(count.row())
    return int(any(count.survived for count in counts))


if __name__ == "__main__":
    sys.exit(main())
