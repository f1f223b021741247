-- Purpose: writes a run that ended well and left nothing else to write, if its claim still holds: most
--          of them. The claim's token stands last among who attempted the job, as the claim wrote it.
--          Where it stands otherwise, nothing is written, and standing.sql is asked.
-- Locks:   the write lock of the file.
-- Index:   the primary key; the job leaves one partial index and enters none.
UPDATE oban_jobs
SET state = 'completed',
    completed_at = ?3
WHERE id = ?1
  AND state = 'executing'
  AND substr(attempted_by, -length(?2)) = ?2
