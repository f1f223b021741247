-- Purpose: how a seat stands.
-- Locks:   none.
-- Index:   the primary key.
SELECT holder, process, node, term, elected_at, expires_at
FROM kerrera_leaders
WHERE name = :name
