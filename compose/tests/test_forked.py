"""The runner of the demo: what a Procfile says, and what its processes say."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from sisock_testing import wait_until

COMPOSE = Path(__file__).parents[1]
PROCFILE = """# a comment
first: python -m timeit -n 1 -r 1 pass
named: NAME=feed DESCRIPTION="An $KIND feed" FILE=$TOP/a.toml python "$TOP/say.py" one 'two words'
"""
SAYS = """
import os, sys, time
print(os.environ["NAME"], os.environ["DESCRIPTION"], os.environ["FILE"], sys.argv[1:], os.getcwd())
print("pid", os.getpid(), file=sys.stderr)
while True:
    time.sleep(60)
"""
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import forked
top = Path(sys.argv[2])
environ = {"KIND": "OCS", "TOP": str(top)}
lines = forked.read((top / "Procfile").read_text(), environ)
sys.exit(forked.run(lines, environ, top, lambda: print("begun", flush=True)))
"""


def pids(log: Path) -> list[int]:
    return [int(line.split()[-1]) for line in log.read_text().splitlines() if line.startswith("named | pid")]


def test_lines_run_in_forks_say_who_speaks_and_come_back_when_they_are_killed(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(PROCFILE)
    (tmp_path / "say.py").write_text(SAYS)
    log = tmp_path / "log"
    with log.open("w") as out:
        runner = subprocess.Popen(
            [sys.executable, "-c", RUN, COMPOSE, tmp_path], stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait_until(lambda: len(pids(log)) == 1, 30, "the program speaks")
        told = f"named | feed An OCS feed {tmp_path}/a.toml ['one', 'two words'] {tmp_path}"
        wait_until(lambda: told in log.read_text().splitlines(), 10, "its settings and words are the line's")
        wait_until(lambda: "first | 1 loop" in log.read_text(), 10, "a module runs as a program")
        os.kill(pids(log)[0], signal.SIGKILL)
        wait_until(lambda: len(pids(log)) == 2, 30, "it is started again")
        assert "begun" in log.read_text().splitlines()
        runner.send_signal(signal.SIGINT)
        assert runner.wait(20) == 0
        for pid in pids(log):
            assert not Path(f"/proc/{pid}").exists()
    finally:
        if runner.poll() is None:
            os.killpg(runner.pid, signal.SIGKILL)
            runner.wait(10)
