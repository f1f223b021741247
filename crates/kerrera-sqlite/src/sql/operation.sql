-- Purpose: an operation by its number.
-- Locks:   none.
-- Index:   the primary key.
SELECT
    id, action, query, max_id, state, created_by, reason, total, total_quality, reached, done, skipped,
    failed, failures, error, node, created_at, started_at, ended_at
FROM kerrera_operations
WHERE id = :id
