-- Purpose: the lists of jobs that were given up or cancelled, which are rare among those that ended and
--          the ones that people look for.
-- Locks:   the write lock of the file, while the table is read once.
-- Index:   two small partial ones, which a job that completes never enters.
CREATE INDEX kerrera_discarded ON oban_jobs (discarded_at, id, queue) WHERE state = 'discarded';
CREATE INDEX kerrera_cancelled ON oban_jobs (cancelled_at, id, queue) WHERE state = 'cancelled';
