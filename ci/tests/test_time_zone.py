"""The tests of times once more where the machine is not on UTC: by themselves they would not notice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = [
    "libs/sisock-archive/tests/test_dated_files.py",
    "libs/sisock-client/tests",
    "libs/sisock-consumer/tests/test_moments.py",
    "libs/sisock-core/tests/test_times.py",
    "libs/sisock-g3/tests",
    "services/data-feed/tests",
    "services/http/tests/influxql",
    "services/http/tests/test_rest.py",
    "services/http/tests/test_watching.py",
    "services/http/tests/test_forms.py",
    "services/http/tests/test_panel.py",
    "services/radiometer/tests",
    "services/weather/tests",
    "services/apex-weather/tests",
]

NAMED = "time or zone or utc or date or moment or day or year or csv or rows or range"
PLUGINS = ("pytest_timeout", "sisock_testing.pytest_plugin", "_hypothesis_pytestplugin")


@pytest.mark.peer
@pytest.mark.timeout(320)
def test_nothing_depends_on_the_zone_of_the_machine(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not peer and not engine", "-k", NAMED]
    command += ["--basetemp", str(tmp_path / "base")]
    plugins = [option for name in PLUGINS for option in ("-p", name)]
    done = subprocess.run(
        [*command, *plugins, *TESTS],
        cwd=ROOT,
        env={**os.environ, "TZ": "America/Santiago", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
