-- How many jobs are not of the demonstration; the table must be there.
-- Locks: none. Index: none, every row is read.
SELECT count(*) FROM oban_jobs WHERE tags IS NULL OR NOT $1 = ANY (tags)
