-- Forgets claims whose job is gone, of a stretch of claims in the order of their keys; says how many,
-- and where the stretch ends if there may be more behind it. Those of jobs that were inserted within
-- the hour stay: a transaction may still run that has seen them, and must find their turn taken.
-- Locks: the claims that it forgets. Index: the primary keys.
WITH looked_at AS MATERIALIZED (
    SELECT u.key, u.turn, u.job_id, u.inserted_at
    FROM {schema}.kerrera_unique AS u
    WHERE (u.key, u.turn) > ($2::text, $3::bigint)
    ORDER BY u.key, u.turn
    LIMIT $4::bigint
),
forgotten AS (
    DELETE FROM {schema}.kerrera_unique AS u
    USING looked_at AS l
    WHERE u.key = l.key
        AND u.turn = l.turn
        AND l.inserted_at < (
            SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
        ) - interval '1 hour'
        AND NOT EXISTS (
            SELECT
            FROM {schema}.oban_jobs AS j
            WHERE j.id = l.job_id AND j.inserted_at = l.inserted_at
        )
    RETURNING 1
)
SELECT
    (SELECT count(*) FROM forgotten),
    (SELECT count(*) FROM looked_at),
    last.key,
    last.turn
FROM (SELECT) AS one
LEFT JOIN (
    SELECT l.key, l.turn FROM looked_at AS l ORDER BY l.key DESC, l.turn DESC LIMIT 1
) AS last ON true
