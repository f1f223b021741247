-- Purpose: writes an operation down, for all jobs that there are now.
-- Locks:   the write lock of the file.
-- Index:   the primary key of the jobs, from its end.
INSERT INTO kerrera_operations
    (action, query, max_id, state, created_by, reason, total, total_quality, created_at)
VALUES (
    :action, :query, (SELECT coalesce(max(id), 0) FROM oban_jobs), 'waiting', :by, :reason, :total,
    :quality, :now
)
