"""An empty index in SQLite, and a bound for tests of damaged frames."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from sisock.config import load
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.tables import prepare


@pytest.fixture(scope="module")
def bounded_memory() -> Iterator[None]:
    """so3g makes room for what a length promises, before it looks whether that is there."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"SQL_FILE": str(tmp_path / "index.sqlite")}


@pytest.fixture
def database(environ: dict[str, str]) -> Iterator[Database]:
    made = Database(load(SqlConfig, environ))
    prepare(made)
    yield made
    made.close()
