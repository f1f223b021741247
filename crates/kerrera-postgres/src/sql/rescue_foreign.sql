-- Frees jobs that other implementations claimed too long ago. Ours have a token, and are judged by
-- whether their producer lives.
-- Locks: the rows that it frees, in the order of their numbers, which nobody else holds at the moment.
-- Index: kerrera_jobs_executing_index (or Oban's compound one); the primary key.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
held AS MATERIALIZED (
    SELECT h.id, h.attempt, h.attempted_by[1] AS node
    FROM {schema}.oban_jobs AS h
    WHERE h.id = ANY (ARRAY(
            SELECT o.id
            FROM {schema}.oban_jobs AS o
            WHERE o.state = 'executing'
                AND (o.attempted_by[3] LIKE 'k:%') IS NOT TRUE
                AND o.attempted_at < (SELECT at FROM now) - interval '1 microsecond' * $5::bigint
                AND {seat}
            ORDER BY o.id
            LIMIT $6::bigint
        ))
        -- Once more: the row may have been claimed again since.
        AND h.state = 'executing'
        AND (h.attempted_by[3] LIKE 'k:%') IS NOT TRUE
        AND h.attempted_at < (SELECT at FROM now) - interval '1 microsecond' * $5::bigint
    ORDER BY h.id
    FOR UPDATE SKIP LOCKED
),
failed AS MATERIALIZED (
    SELECT
        h.id,
        jsonb_build_object(
            'at', to_char((SELECT at FROM now), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'attempt', h.attempt,
            'error', 'the node ' || coalesce(h.node, 'that claimed it')
                || ' has not ended this attempt for too long'
        ) AS element
    FROM held AS h
)
{free}
