"""Makes the tables of the index, and upgrades those of the predecessor's in place.

Every step may be done again: a step that was interrupted is finished by the next start.
"""

from importlib import resources

from sisock_g3.database import Database

VERSION = 2
UPGRADES = {
    # Reading ended at the first damaged frame: what lies behind it is read now.
    2: "UPDATE sisock_files SET mtime_ns = 0, reported = 0 WHERE problem <> '' AND cut = 0",
}
"""What is done once to an index of an earlier version, by the version that it then has."""

UNIQUE_FEED = "sisock_unique_feed"


def prepare(database: Database) -> None:
    """Make what is missing; nothing that is there is lost.

    Raises
    ------
    DatabaseAwayError
        If the database does not answer.
    """
    text = resources.files("sisock_g3").joinpath("schema/v1.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    for statement in database.dialect("\n".join(lines)).split(";"):
        if statement.strip():
            database.execute(statement)
    if database.is_sqlite:
        database.execute(
            f"CREATE UNIQUE INDEX IF NOT EXISTS {UNIQUE_FEED} ON feeds (path, filename, prov_id)"
        )
    else:
        _replace_unique_feed(database)
    done = {version for (version,) in database.query("SELECT version FROM sisock_schema")}
    for version, statement in UPGRADES.items():
        if done and version not in done:
            database.execute(statement)
    database.executemany(
        "INSERT IGNORE INTO sisock_schema (version) VALUES (%s)", [[n] for n in range(1, VERSION + 1)]
    )


def _replace_unique_feed(database: Database) -> None:
    """The predecessor's unique index let files of the same name in two directories collide."""
    found: dict[str, list[str]] = {}
    for name, column in database.query(
        "SELECT index_name, column_name FROM information_schema.statistics "
        "WHERE table_schema = DATABASE() AND table_name = 'feeds' AND non_unique = 0 "
        "ORDER BY index_name, seq_in_index"
    ):
        found.setdefault(name, []).append(column)
    if ["path", "filename", "prov_id"] not in found.values():
        database.execute(f"CREATE UNIQUE INDEX {UNIQUE_FEED} ON feeds (path, filename, prov_id)")
    for name, columns in found.items():
        if set(columns) == {"filename", "prov_id"}:
            database.execute(f"ALTER TABLE feeds DROP INDEX `{name}`")
