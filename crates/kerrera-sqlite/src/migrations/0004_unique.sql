-- Purpose: what unique jobs have claimed. A key can have several claims, each with a turn of its own.
--          The time of the job's insertion tells it from another that was given its number later.
-- Locks:   the write lock of the file, for some milliseconds.
-- Index:   the primary key.
CREATE TABLE kerrera_unique (
    key           TEXT NOT NULL,
    turn          INTEGER NOT NULL,
    job_id        INTEGER NOT NULL,
    inserted_at   INTEGER NOT NULL,
    PRIMARY KEY (key, turn)
) STRICT, WITHOUT ROWID;
