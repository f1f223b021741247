-- Purpose: removes the producers of a process that have retired and run nothing.
-- Locks:   the write lock of the file.
-- Index:   kerrera_executing, once for each; the table has a row for each queue of each process.
DELETE FROM kerrera_producers
WHERE process = :process
  AND retired = 1
  AND NOT EXISTS (
      SELECT 1
      FROM oban_jobs
      WHERE state = 'executing'
        AND attempted_by ->> 1 = kerrera_producers.uuid
  )
