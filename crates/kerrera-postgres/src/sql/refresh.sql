-- Makes jobs of ours that run for long look as if they had begun just now, to neighbours who would
-- free them for their age.
-- Locks: the rows, in the order of their numbers. Index: the primary key.
UPDATE {schema}.oban_jobs AS j
SET attempted_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
WHERE j.id = ANY (ARRAY(
        SELECT h.id
        FROM {schema}.oban_jobs AS h
        WHERE h.id = ANY ($2::bigint[]) AND h.state = 'executing'
        ORDER BY h.id
        FOR UPDATE SKIP LOCKED
    ))
    AND j.state = 'executing'
    AND ((j.id, j.attempted_by[3]) IN (
        SELECT r.id, r.token FROM unnest($2::bigint[], $3::text[]) AS r (id, token)
    )) IS TRUE
RETURNING j.id
