"""The archive's files, which are read again when their content is another one."""

import os
from pathlib import Path

import pytest
import structlog
from sisock_weather.archive import LOOK_INTERVAL_S, Archive


@pytest.mark.parametrize("in_place", [True, False])
def test_another_content_of_the_same_name_size_and_time_is_read_again(tmp_path: Path, in_place: bool) -> None:
    now = [0.0]
    archive = Archive(tmp_path, structlog.get_logger(), clock=lambda: now[0])
    path = tmp_path / "apex_humidity.dat"
    path.write_text("# h\n# t\n# %\n1 10\n2 20\n")
    assert archive.files()["apex_humidity"].values.tolist() == [10.0, 20.0]
    status = path.stat()
    other = path if in_place else tmp_path / "other"
    other.write_text("# h\n# t\n# %\n1 30\n2 40\n")
    other.replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    now[0] += 2 * LOOK_INTERVAL_S
    assert archive.files()["apex_humidity"].values.tolist() == [30.0, 40.0]
