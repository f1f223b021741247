-- Purpose: writes runs that ended well and left nothing else to write, if their claim still holds: most
--          of them. They were claimed under one token, which stands last among who attempted a job, as
--          the claim wrote it. Where it stands otherwise, nothing is written, and standing.sql is asked.
-- Locks:   the write lock of the file.
-- Index:   the primary key; the jobs leave one partial index and enter none.
UPDATE oban_jobs
SET state = 'completed',
    completed_at = ?3
WHERE id IN rarray(?1)
  AND state = 'executing'
  AND substr(attempted_by, -length(?2)) = ?2
