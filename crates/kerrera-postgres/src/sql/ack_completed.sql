-- Writes runs that ended well and left nothing else to write: most of them.
-- Locks: the rows, in the order of their numbers. Index: the primary key.
UPDATE {schema}.oban_jobs AS j
SET
    state = 'completed',
    completed_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
FROM unnest($2::bigint[], $3::text[]) AS a (id, token)
WHERE j.id = a.id AND j.state = 'executing' AND j.attempted_by[3] = a.token
RETURNING j.id
