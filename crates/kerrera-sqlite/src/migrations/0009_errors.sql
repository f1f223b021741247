-- Purpose: failures that are alike, and in which ten minutes how many of them were met.
-- Locks:   the write lock of the file, for some milliseconds.
-- Index:   by time, for the newest and for what is to be removed.
CREATE TABLE kerrera_errors (
    fingerprint   TEXT PRIMARY KEY,
    worker        TEXT NOT NULL,
    message       TEXT NOT NULL,
    node          TEXT NOT NULL,
    last_job      INTEGER NOT NULL,
    first_seen    INTEGER NOT NULL,
    last_seen     INTEGER NOT NULL,
    total         INTEGER NOT NULL
) STRICT;

CREATE INDEX kerrera_errors_seen ON kerrera_errors (last_seen, fingerprint);

CREATE TABLE kerrera_error_counts (
    fingerprint   TEXT NOT NULL,
    at            INTEGER NOT NULL,
    count         INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX kerrera_error_counts_at ON kerrera_error_counts (at);
