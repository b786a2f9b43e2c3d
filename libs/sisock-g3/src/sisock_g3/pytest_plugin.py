"""Fixtures for tests of archives: found by pytest wherever sisock-g3 is installed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sisock_g3.testing import MariaDb


@pytest.fixture(scope="session")
def mariadb(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[MariaDb]":  # noqa: ARG001
    """A running MariaDB."""
    from sisock_g3.testing import MariaDb  # noqa: PLC0415 (not for every pytest run on the machine)

    server = MariaDb(tmp_path_factory.mktemp("mariadb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.peer)])
def index_environ(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """Environment that names an empty index, on either engine."""
    if request.param == "sqlite":
        return {"SQL_FILE": str(tmp_path / "index.sqlite")}
    server: MariaDb = request.getfixturevalue("mariadb")
    return server.fresh()
