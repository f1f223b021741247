-- Inserts jobs, and gives back their numbers.
-- Locks: those of an insertion. Index: none is read.
INSERT INTO oban_jobs (queue, worker, args)
SELECT $1::text, $2::text, n.args::jsonb FROM unnest($3::text[]) AS n (args)
RETURNING id
