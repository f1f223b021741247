-- Purpose: changes a job; what is NULL stays. The state is decided from the row as it stands.
-- Locks:   the write lock of the file, under which the row was read.
-- Index:   the primary key; the job may move between the partial ones.
UPDATE oban_jobs
SET state = :state,
    args = coalesce(:args, args),
    meta = coalesce(:meta, meta),
    tags = coalesce(:tags, tags),
    queue = coalesce(:queue, queue),
    worker = coalesce(:worker, worker),
    priority = coalesce(:priority, priority),
    max_attempts = coalesce(:max_attempts, max_attempts),
    scheduled_at = coalesce(:scheduled_at, scheduled_at)
WHERE id = :id
