-- Purpose: writes a run that ended well and left nothing else to write, if its claim still holds: most
--          of them.
-- Locks:   the write lock of the file.
-- Index:   the primary key; the job leaves one partial index and enters none.
UPDATE oban_jobs
SET state = 'completed',
    completed_at = ?3
WHERE id = ?1
  AND state = 'executing'
  AND attempted_by ->> 2 = ?2
