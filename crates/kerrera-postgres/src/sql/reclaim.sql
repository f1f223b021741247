-- Takes back jobs that a neighbour freed, though they run here: still with our token, so nobody has
-- claimed them since. Only for a producer that lives: what a rescue of ours freed is not taken back.
-- Locks: the rows, in the order of their numbers. Index: the primary keys.
UPDATE {schema}.oban_jobs AS j
SET
    state = 'executing',
    attempted_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
WHERE j.id = ANY (ARRAY(
        SELECT h.id
        FROM {schema}.oban_jobs AS h
        WHERE h.id = ANY ($2::bigint[]) AND h.state = 'available'
        ORDER BY h.id
        FOR UPDATE
    ))
    AND j.state = 'available'
    AND ((j.id, j.attempted_by[3]) IN (
        SELECT r.id, r.token FROM unnest($2::bigint[], $3::text[]) AS r (id, token)
    )) IS TRUE
    AND EXISTS (
        SELECT FROM {schema}.kerrera_producers AS p WHERE p.uuid::text = j.attempted_by[2]
    )
RETURNING j.id
