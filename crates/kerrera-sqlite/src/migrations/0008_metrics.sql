-- Purpose: what became of runs over time; the workers and nodes that there are.
-- Locks:   the write lock of the file, for a moment.
-- Index:   the primary keys.

-- A fresh row (tier 0) is a minute of one process, which writes it again while the minute lasts; the
-- leader packs older ones: an hour of minutes (1), a day of hours (2), a day (3). What is in "cells" is
-- told in kerrera-core's metrics/cells.rs.
CREATE TABLE kerrera_metrics (
    tier          INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    queue         TEXT NOT NULL,
    worker        TEXT NOT NULL,
    source        TEXT NOT NULL,
    cells         BLOB NOT NULL,
    PRIMARY KEY (tier, at, queue, worker, source)
) STRICT, WITHOUT ROWID;

-- The workers that nodes have registered, as the node that started last described them.
CREATE TABLE kerrera_workers (
    worker        TEXT PRIMARY KEY,
    node          TEXT NOT NULL,
    card          TEXT NOT NULL,
    first_seen    INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What nodes say about themselves, every now and then. The presence is that of the process which has
-- the file open.
CREATE TABLE kerrera_nodes (
    process       TEXT PRIMARY KEY,
    presence      TEXT NOT NULL,
    node          TEXT NOT NULL,
    card          TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
