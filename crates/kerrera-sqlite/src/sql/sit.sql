-- Purpose: takes a seat that was found free, or keeps it for longer.
-- Locks:   the write lock of the file, under which the seat was looked at.
-- Index:   the primary key.
INSERT INTO kerrera_leaders (name, holder, process, node, term, elected_at, expires_at)
VALUES (:name, :holder, :process, :node, :term, :elected_at, :expires_at)
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder,
    process = excluded.process,
    node = excluded.node,
    term = excluded.term,
    elected_at = excluded.elected_at,
    expires_at = excluded.expires_at
