-- Purpose: what is to be done to many jobs, over hours if need be, and how far it is.
-- Locks:   the write lock of the file, for some milliseconds.
-- Index:   one of those that have not ended.
CREATE TABLE kerrera_operations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    action        TEXT NOT NULL,
    query         TEXT NOT NULL,
    max_id        INTEGER NOT NULL,
    state         TEXT NOT NULL,
    created_by    TEXT,
    reason        TEXT,
    total         INTEGER,
    total_quality TEXT,
    reached       INTEGER NOT NULL DEFAULT 0,
    done          INTEGER NOT NULL DEFAULT 0,
    skipped       INTEGER NOT NULL DEFAULT 0,
    failed        INTEGER NOT NULL DEFAULT 0,
    failures      TEXT NOT NULL DEFAULT '[]',
    error         TEXT,
    holder        TEXT,
    node          TEXT,
    leased_until  INTEGER,
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    ended_at      INTEGER
) STRICT;

CREATE INDEX kerrera_operations_open ON kerrera_operations (id) WHERE state IN ('waiting', 'running');
