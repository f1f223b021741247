-- Purpose: what was ordered of queues while nodes run, and what becomes of producers by it.
-- Locks:   the write lock of the file, for some milliseconds.
-- Index:   one, over a handful of rows.
--
-- A row for each queue, node and setting, '*' for all. An order that takes another's place gets a new
-- number, so that the newest is known.
CREATE TABLE kerrera_queues (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    queue         TEXT NOT NULL,
    node          TEXT NOT NULL,
    setting       TEXT NOT NULL,
    paused        INTEGER,
    "limit"       INTEGER,
    running       INTEGER,
    reason        TEXT,
    until         INTEGER,
    "by"          TEXT,
    source        TEXT NOT NULL,
    at            INTEGER NOT NULL,
    UNIQUE (queue, node, setting),
    CONSTRAINT known_setting CHECK ((setting = 'paused' AND paused IS NOT NULL)
                                 OR (setting = 'limit' AND "limit" IS NOT NULL)
                                 OR (setting = 'running' AND running IS NOT NULL)),
    CONSTRAINT positive_limit CHECK ("limit" > 0)
) STRICT;

ALTER TABLE kerrera_producers ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
