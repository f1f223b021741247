-- Inserts a job, and gives back its number.
-- Locks: those of an insertion. Index: none is read.
INSERT INTO oban_jobs (queue, worker, args) VALUES ($1::text, $2::text, $3::jsonb) RETURNING id
