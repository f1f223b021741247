-- Purpose: who leads. A row stays when nobody does, so that terms only grow. The process is the one
--          whose lock file says whether it lives.
-- Locks:   the write lock of the file, for a moment.
-- Index:   the primary key.
CREATE TABLE kerrera_leaders (
    name          TEXT PRIMARY KEY,
    holder        TEXT NOT NULL,
    process       TEXT NOT NULL,
    node          TEXT NOT NULL,
    term          INTEGER NOT NULL,
    elected_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
