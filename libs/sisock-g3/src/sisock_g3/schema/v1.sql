-- Tables of CONTRACT section 6, as deployed sites have them, and ours beside them.
-- ${...} differs between MariaDB and SQLite: see sisock_g3/database.py.

CREATE TABLE IF NOT EXISTS feeds (
    id INT ${auto},
    filename VARCHAR(255),
    path VARCHAR(255),
    prov_id INT,
    description VARCHAR(255),
    scanned BOOL NOT NULL DEFAULT 0
) ${options};

CREATE TABLE IF NOT EXISTS fields (
    feed_id INT NOT NULL,
    field VARCHAR(255),
    start DATETIME(6),
    `end` DATETIME(6),
    UNIQUE (feed_id, field)
) ${options};

CREATE TABLE IF NOT EXISTS description (
    description VARCHAR(255) NOT NULL PRIMARY KEY
) ${options};

-- A file as it was when it was read: what is unchanged costs a stat.
CREATE TABLE IF NOT EXISTS sisock_files (
    id INT ${auto},
    path VARCHAR(255) ${exact} NOT NULL,
    filename VARCHAR(255) ${exact} NOT NULL,
    size BIGINT NOT NULL,
    mtime_ns BIGINT NOT NULL,
    indexed BIGINT NOT NULL,
    tail BIGINT NOT NULL,
    state TEXT NOT NULL,
    cut BOOL NOT NULL,
    reported BOOL NOT NULL,
    problem TEXT NOT NULL,
    UNIQUE (path, filename)
) ${options};

CREATE TABLE IF NOT EXISTS sisock_providers (
    id INT ${auto},
    description VARCHAR(255) ${exact} NOT NULL UNIQUE,
    longest BIGINT NOT NULL DEFAULT 0
) ${options};

CREATE TABLE IF NOT EXISTS sisock_fields (
    id INT ${auto},
    provider_id INT NOT NULL,
    field VARCHAR(255) ${exact} NOT NULL,
    name VARCHAR(512) ${exact} NOT NULL,
    kind VARCHAR(8) NOT NULL,
    UNIQUE (provider_id, field)
) ${options};

-- Frames of one provider in one file (times in ticks of 10 ns): records as sisock_g3.file_content.RECORD.
CREATE TABLE IF NOT EXISTS sisock_chunks (
    provider_id INT NOT NULL,
    t1 BIGINT NOT NULL,
    file_id INT NOT NULL,
    t0 BIGINT NOT NULL,
    samples BIGINT NOT NULL,
    records ${blob} NOT NULL,
    PRIMARY KEY (provider_id, t1, file_id)
) ${options};

CREATE INDEX IF NOT EXISTS sisock_chunks_file ON sisock_chunks (file_id);

-- One field in one file, with its bins of the finest width (sisock_g3.summary.BIN).
CREATE TABLE IF NOT EXISTS sisock_spans (
    field_id INT NOT NULL,
    t1 BIGINT NOT NULL,
    file_id INT NOT NULL,
    t0 BIGINT NOT NULL,
    kind VARCHAR(8) NOT NULL,
    samples BIGINT NOT NULL,
    bins ${blob} NOT NULL,
    PRIMARY KEY (field_id, t1, file_id)
) ${options};

CREATE INDEX IF NOT EXISTS sisock_spans_file ON sisock_spans (file_id);

-- Coarser bins of one field, made when their time is over; a tile that is not here is read from finer ones.
CREATE TABLE IF NOT EXISTS sisock_tiles (
    field_id INT NOT NULL,
    level INT NOT NULL,
    tile BIGINT NOT NULL,
    bins ${blob} NOT NULL,
    PRIMARY KEY (field_id, level, tile)
) ${options};

-- Tiles that are to be made, or made again.
CREATE TABLE IF NOT EXISTS sisock_stale (
    provider_id INT NOT NULL,
    level INT NOT NULL,
    tile BIGINT NOT NULL,
    PRIMARY KEY (provider_id, level, tile)
) ${options};

CREATE TABLE IF NOT EXISTS sisock_schema (version INT NOT NULL PRIMARY KEY) ${options};
