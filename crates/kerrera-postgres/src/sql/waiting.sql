-- The queues in which jobs are available.
-- Locks: none. Index: kerrera_jobs_available_index (or Oban's compound one), one look a queue.
{queues_with_jobs}
SELECT w.queue FROM w WHERE w.queue IS NOT NULL
