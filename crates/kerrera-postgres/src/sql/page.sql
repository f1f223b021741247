-- Some rows along an index; the conditions and the order are filled in.
-- Locks: none. Index: the primary key; kerrera_jobs_due_index, kerrera_jobs_executing_index,
-- kerrera_jobs_discarded_index, kerrera_jobs_cancelled_index (or Oban's own, by state).
SELECT {row}
FROM {schema}.oban_jobs AS j
WHERE <conditions>
ORDER BY <order>
LIMIT $1::bigint
