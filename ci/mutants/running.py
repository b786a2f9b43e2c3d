"""A package's tests on a copy of the repository, each run forked from a process that imported the rest.

Starting Python, pytest and what a package depends on takes longer than its quick tests do. Nothing of
this repository is imported before the fork. Knows nothing of what a mutant is.
"""

import contextlib
import importlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mutants.apart import go_apart

NEVER_EARLY = (
    "hypothesis",
    "twisted.internet.reactor",
    "twisted.internet.epollreactor",
    "autobahn.twisted",
    "txaio.tx",
)
"""They begin to work, or choose, when they are imported."""

PLUGINS = (
    "pytest_timeout",
    "sisock_testing.pytest_plugin",
    "sisock_g3.pytest_plugin",
    "_hypothesis_pytestplugin",
)

KILLED, SURVIVED, TOO_LONG = "killed", "survived", "too long"

QUICK, PEERS = ("-m", "not peer and not engine"), ("-m", "peer and not engine")

MOST_BYTES = 3 * 2**30
"""A mistake in a size or a loop shall not have all memory of the machine."""


class Copy:
    """The repository without what git ignores, in a directory of its own."""

    def __init__(self, root: Path, directory: Path) -> None:
        self.top = directory
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=root, check=True, capture_output=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            if (root / name).is_file():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / name, directory / name)
        for kept in (".venv", ".venvs"):
            if (root / kept).exists():
                (directory / kept).symlink_to(root / kept)
        self.sources = [str(path) for pattern in ("libs/*/src", "services/*/src", "src")
                        for path in sorted(directory.glob(pattern))]  # fmt: skip
        self.ours = {path.stem for source in self.sources for path in Path(source).iterdir()}
        self.log = directory / "pytest.log"

    def run(self, tests: Sequence[str], limit_s: float, *options: str, notes: "Notes | None" = None) -> str:
        """Run tests in a fork until the first that fails; how that ended."""
        pid = os.fork()
        if not pid:
            _limit(limit_s, browsers=options == PEERS)
            self._be_pytest([*options, *tests], notes)
        end = time.monotonic() + limit_s
        try:
            while time.monotonic() < end:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    code = os.waitstatus_to_exitcode(status)
                    if code == 5:  # there is no such test
                        return SURVIVED
                    return KILLED if code else SURVIVED
                time.sleep(0.02)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return TOO_LONG

    def _be_pytest(self, arguments: list[str], notes: "Notes | None") -> None:
        try:
            os.setsid()
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for number in (1, 2):
                os.dup2(log, number)
            go_apart()
            os.chdir(self.top)
            sys.path[:0] = self.sources
            os.environ["PYTHONPATH"] = os.pathsep.join(self.sources)
            # A file that is written twice within a second looks to Python as if it had not changed.
            sys.dont_write_bytecode = True
            os.environ["PYTHONDONTWRITEBYTECODE"] = os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            warnings.resetwarnings()
            plugins = [option for name in PLUGINS if _there(name) for option in ("-p", name)]
            quiet = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", f"--rootdir={self.top}"]
            quiet += [f"--basetemp={self.log}.base"]  # pytest else removes what others left
            if notes is not None:
                notes.begin(self.sources)
            code = pytest.main([*quiet, *plugins, *arguments], plugins=[notes] if notes else [])
            if notes is not None:
                notes.end(self.top)
            sys.stdout.flush()
            os._exit(int(code))
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(99)

    def preload(self, modules: Sequence[str]) -> None:
        """Import what runs imported, but nothing of ours."""
        warnings.simplefilter("ignore")
        if "txaio" in modules:
            import txaio

            # autobahn's modules take functions from it when they are imported, of what is chosen then.
            txaio.use_twisted()
        for name in modules:
            own = name.partition(".")[0] in {*self.ours, "tests", "conftest", "__main__", "mutants"}
            if not own and not name.startswith((*NEVER_EARLY, *PLUGINS, "pytest", "_pytest")):
                with contextlib.suppress(Exception):
                    importlib.import_module(name)


class Notes:
    """What a run imports, and which tests come to which lines: a plugin of pytest.

    Parameters
    ----------
    file : Path
        Where it is written to.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._coverage: Any = None
        self._took_s: dict[str, float] = {}

    def begin(self, sources: list[str]) -> None:
        """Look, from now on."""
        import coverage

        include = [f"{source}/*" for source in sources]
        self._coverage = coverage.Coverage(data_file=None, include=include, config_file=False)
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """See pytest."""
        began = time.monotonic()
        self._coverage.switch_context(item.nodeid)
        result = yield
        self._took_s[item.nodeid] = time.monotonic() - began
        return result

    def end(self, top: Path) -> None:
        """Write down what was seen."""
        self._coverage.stop()
        data = self._coverage.get_data()
        touched = {
            str(Path(file).relative_to(top)): data.contexts_by_lineno(file) for file in data.measured_files()
        }
        self._file.write_text(
            json.dumps({"modules": sorted(sys.modules), "touched": touched, "took": self._took_s})
        )

    def read(self) -> dict[str, Any]:
        """What another process has written down."""
        kept: dict[str, Any] = json.loads(self._file.read_text())
        return kept


def _limit(limit_s: float, *, browsers: bool) -> None:
    """Let neither this process nor what it starts take the whole machine."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s) + 1, int(limit_s) + 2))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    if not browsers:  # they reserve terabytes of addresses
        resource.setrlimit(resource.RLIMIT_AS, (2 * MOST_BYTES, 2 * MOST_BYTES))


def _there(plugin: str) -> bool:
    try:
        return importlib.util.find_spec(plugin) is not None
    except ModuleNotFoundError:
        return False
