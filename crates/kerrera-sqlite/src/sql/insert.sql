-- Purpose: inserts one job.
-- Locks:   the write lock of the file.
-- Index:   adds to one of the partial indexes.
INSERT INTO oban_jobs
    (state, queue, worker, args, meta, tags, max_attempts, priority, inserted_at, scheduled_at)
VALUES
    (:state, :queue, :worker, :args, :meta, :tags, :max_attempts, :priority, :now, :scheduled_at)
