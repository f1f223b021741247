-- Gives back what claims took whose answers were lost: nobody runs those jobs.
-- Locks: the rows that it gives back. Index: kerrera_jobs_executing_index (or Oban's compound one).
UPDATE {schema}.oban_jobs AS j
SET state = 'available', attempt = greatest(j.attempt - 1, 0)
WHERE j.state = 'executing' AND j.attempted_by[3] = ANY ($1::text[])
RETURNING j.id
