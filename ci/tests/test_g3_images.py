"""The images of the archive's services: small, and so3g still reads in them what our own parser does not."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock_ci import engine
from sisock_ci.services import find
from sisock_g3.testing import Writer

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
T0 = 1.6e9
FEED = "observatory.old.feeds.x"
MOST_BYTES = 350e6

READ = f"""
import os, structlog
from sisock import Limits
from sisock.config import load
from sisock_g3_reader.config import Config
from sisock_g3_reader.node import G3Reader
reader = G3Reader(load(Config, os.environ), structlog.get_logger())
[found] = reader.read(["{FEED}.ch"], {T0}, {T0 + 100}, Limits())
print(found.values.tolist())
"""


@pytest.fixture(scope="module")
def images(registry: str, docker_client: Any, step: Any) -> dict[str, Any]:
    names = ["g3-file-scanner", "g3-reader"]
    step("build", *names)
    found = find(ROOT, names)
    return {s.name: docker_client.images.get(engine.reference(s, s.version)) for s in found}


@pytest.mark.parametrize("name", ["g3-file-scanner", "g3-reader"])
def test_an_image_of_the_archive_is_small(images: dict[str, Any], name: str) -> None:
    assert images[name].attrs["Size"] < MOST_BYTES


def test_frames_that_only_so3g_can_read_are_indexed_and_served(
    images: dict[str, Any], docker_client: Any, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    index.chmod(0o777)
    # Version 0 of hkagg: our parser has never known its blocks.
    writer = Writer(tmp_path / "data" / "1.g3", version=0)
    writer.data(writer.feed(FEED), T0 + np.arange(10.0), block={"ch": np.arange(10.0) ** 2})
    writer.close()

    def run(name: str, **options: Any) -> bytes:
        out: bytes = docker_client.containers.run(
            images[name].id,
            remove=True,
            read_only=True,
            cap_drop=["ALL"],
            network_mode="none",
            tmpfs={"/tmp": ""},
            environment={"SQL_FILE": "/index/index.sqlite", "DATA_DIRECTORY": "/data"},
            volumes={
                str(tmp_path / "data"): {"bind": "/data", "mode": "ro"},
                str(index): {"bind": "/index", "mode": "rw"},
            },
            **options,
        )
        return out

    run("g3-file-scanner", command=["--once"])
    with sqlite3.connect(index / "index.sqlite") as database:
        assert database.execute("SELECT problem FROM sisock_files").fetchall() == [("",)]
        assert database.execute("SELECT samples FROM sisock_chunks").fetchall() == [(10,)]
    database.close()
    told = run("g3-reader", entrypoint=["python", "-c", READ])
    assert told.decode().splitlines()[-1] == str([float(i**2) for i in range(10)])
