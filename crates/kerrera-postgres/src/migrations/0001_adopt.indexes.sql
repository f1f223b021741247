-- Oban's own compound index is missing.
CREATE INDEX IF NOT EXISTS kerrera_jobs_available_index
    ON {schema}.oban_jobs (queue, priority, scheduled_at, id) WHERE state = 'available';
CREATE INDEX IF NOT EXISTS kerrera_jobs_due_index
    ON {schema}.oban_jobs (scheduled_at, id) WHERE state IN ('scheduled', 'retryable');
CREATE INDEX IF NOT EXISTS kerrera_jobs_executing_index
    ON {schema}.oban_jobs (id) WHERE state = 'executing';
