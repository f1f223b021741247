-- Takes back jobs that a neighbour freed or discarded, though they run here: still with our token, so
-- nobody has claimed them since.
-- Locks: the rows, in the order of their numbers. Index: the primary keys.
UPDATE {schema}.oban_jobs AS j
SET
    state = 'executing',
    attempted_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))),
    discarded_at = CASE WHEN j.state = 'discarded' THEN NULL ELSE j.discarded_at END
WHERE j.id = ANY (ARRAY(
        SELECT h.id
        FROM {schema}.oban_jobs AS h
        WHERE h.id = ANY ($2::bigint[]) AND h.state IN ('available', 'discarded')
        ORDER BY h.id
        FOR UPDATE
    ))
    AND ((j.id, j.attempted_by[3]) IN (
        SELECT r.id, r.token FROM unnest($2::bigint[], $3::text[]) AS r (id, token)
    )) IS TRUE
    AND {stolen}
RETURNING j.id
