"""Makes an index in the test's own process, as the scanner does in one of its own."""

from collections.abc import Mapping
from pathlib import Path

from sisock.config import load

from sisock_g3 import file_content
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.fingerprint import tail
from sisock_g3.index import tiles
from sisock_g3.index.files import ReadFile, Seen
from sisock_g3.index.writing import Index
from sisock_g3.tables import prepare

SUFFIXES = (".g3", ".g3.gz")


def make_index(top: Path, environ: Mapping[str, str], *, summaries: bool = True) -> None:
    """Bring an index up to date with the files below a directory.

    Parameters
    ----------
    top : Path
    environ : mapping
        Names the database.
    summaries : bool
        Whether to summarize the fields.
    """
    database = Database(load(SqlConfig, environ))
    prepare(database)
    index = Index(database)
    known = index.files()
    seen = [_seen(path) for path in sorted(top.rglob("*")) if path.name.endswith(SUFFIXES)]
    index.remove(set(known) - {one.key for one in seen})
    files = []
    for one in seen:
        before = known.get(one.key)
        if before is None or (one.size, one.mtime_ns) != (before.size, before.mtime_ns):
            content = file_content.read(one.full, summaries=summaries)
            files.append(ReadFile(one, content, tail(one.full, content.end), None, before, reported=True))
    index.write(files)
    for provider_id, level, tile in tiles.due(database) if summaries else ():
        with database.transaction():
            tiles.make(database, provider_id, level, tile)
    database.close()


def _seen(path: Path) -> Seen:
    status = path.stat()
    return Seen(str(path.parent), path.name, status.st_size, status.st_mtime_ns)
