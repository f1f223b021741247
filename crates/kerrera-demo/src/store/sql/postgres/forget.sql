-- Removes the jobs of an earlier demonstration; the table must be there.
-- Locks: those rows. Index: none, every row is read.
DELETE FROM oban_jobs WHERE $1 = ANY (tags)
