-- Purpose: jobs at times of the clock.
-- Locks:   the write lock of the file, for a moment.
-- Index:   the primary keys.

-- Entries. `declared` is the shape in which a program last brought the entry; what a person edited
-- stays until that is another.
CREATE TABLE kerrera_crons (
    name          TEXT PRIMARY KEY,
    expression    TEXT NOT NULL,
    timezone      TEXT NOT NULL,
    job           TEXT NOT NULL,
    misfire       TEXT NOT NULL,
    overlap       TEXT NOT NULL,
    declared      TEXT NOT NULL,
    paused        INTEGER NOT NULL DEFAULT 0,
    begins_at     INTEGER NOT NULL,
    forgotten_to  INTEGER,
    last_job      INTEGER,
    inserted_at   INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    CONSTRAINT json_job CHECK (json_valid(job))
) STRICT, WITHOUT ROWID;

-- Slots that were fired: the key keeps one from being fired twice. Without a job, it would have
-- overlapped with the one before.
CREATE TABLE kerrera_cron_slots (
    name          TEXT NOT NULL,
    slot          INTEGER NOT NULL,
    job_id        INTEGER,
    node          TEXT NOT NULL,
    fired_at      INTEGER NOT NULL,
    PRIMARY KEY (name, slot)
) STRICT, WITHOUT ROWID;
