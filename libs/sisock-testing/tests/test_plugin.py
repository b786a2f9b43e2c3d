"""What the plugin does to every run."""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sisock_testing import Stack


@settings(max_examples=10)
@given(st.integers().map(lambda n: time.sleep(0.2) or n))
def test_a_property_may_be_slow_on_a_busy_machine(number: int) -> None:
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check


def test_a_test_that_is_not_marked_and_starts_a_process_is_told(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    with pytest.warns(UserWarning, match=r"test_plugin\.py::.* starts 'nothing' and is not marked `peer`"):
        process = stack.start("nothing", [sys.executable, "-c", ""])
    assert process.popen.wait(30) == 0


@pytest.mark.peer
def test_a_test_that_is_marked_may_start_processes(tmp_path: Path) -> None:
    assert Stack(tmp_path).start("nothing", [sys.executable, "-c", ""]).popen.wait(30) == 0


def test_what_was_measured_stands_at_the_end_also_of_several_processes(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for number in (1, 2):
        (tmp_path / f"test_{number}.py").write_text(
            f'def test_it(record_property):\n    record_property("measured", "{number} took 1.1 s")\n'
        )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # other plugins take seconds to load
    plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    plain += ["-p", "sisock_testing.pytest_plugin"]
    # Without a place of its own it would remove what whole suites have left among the temporary files.
    plain += ["--basetemp", str(tmp_path_factory.mktemp("nested") / "base")]
    for workers in ((), ("-p", "xdist", "-n", "2")) if find_spec("xdist") else ((),):
        command = [*plain, *workers, str(tmp_path)]
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=True
        )
        end = done.stdout.partition(" measured ")[2]
        assert {line for line in end.splitlines() if " took " in line} == {"1 took 1.1 s", "2 took 1.1 s"}
