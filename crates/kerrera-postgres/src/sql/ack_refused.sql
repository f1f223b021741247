-- Sets a job aside whose end the database refuses to write as it was: a failed attempt, which says
-- why.
-- Locks: the row. Index: the primary key.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
)
UPDATE {schema}.oban_jobs AS j
SET
    state = CASE
        WHEN j.attempt < j.max_attempts THEN 'retryable' ELSE 'discarded'
    END::{state},
    scheduled_at = CASE
        WHEN j.attempt < j.max_attempts
            THEN (SELECT at FROM now) + interval '1 second' * $5::bigint
        ELSE j.scheduled_at
    END,
    discarded_at = CASE
        WHEN j.attempt < j.max_attempts THEN j.discarded_at ELSE (SELECT at FROM now)
    END,
    errors = {errors}
FROM (
    SELECT jsonb_build_object(
        'at', to_char((SELECT at FROM now), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'attempt', k.attempt, 'error', $4::text
    ) AS element
    FROM {schema}.oban_jobs AS k
    WHERE k.id = $2::bigint
) AS a
WHERE j.id = $2::bigint AND j.state = 'executing' AND j.attempted_by[3] = $3::text
RETURNING j.id
