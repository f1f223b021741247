-- Frees jobs of ours that no living producer owns. A statement of its own after the one that removes
-- dead producers: it must see what they claimed until then.
-- Locks: the rows that it frees, in the order of their numbers, which nobody else holds at the moment.
-- Index: kerrera_jobs_executing_index (or Oban's compound one); the primary key.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
orphan AS MATERIALIZED (
    SELECT o.id, o.attempted_by[3] AS token
    FROM {schema}.oban_jobs AS o
    WHERE o.state = 'executing'
        AND o.attempted_by[3] LIKE 'k:%'
        AND NOT EXISTS (
            SELECT FROM {schema}.kerrera_producers AS p WHERE p.uuid::text = o.attempted_by[2]
        )
    ORDER BY o.id
    LIMIT $2::bigint
),
-- By the token, because a row can be freed by another rescue and claimed again by a producer that
-- this statement cannot see yet.
held AS MATERIALIZED (
    SELECT h.id, h.attempt, h.attempted_by[1] AS node
    FROM {schema}.oban_jobs AS h
    WHERE h.id = ANY (ARRAY(SELECT o.id FROM orphan AS o))
        AND h.state = 'executing'
        AND ((h.id, h.attempted_by[3]) IN (SELECT o.id, o.token FROM orphan AS o)) IS TRUE
    ORDER BY h.id
    FOR UPDATE SKIP LOCKED
),
failed AS MATERIALIZED (
    SELECT
        h.id,
        jsonb_build_object(
            'at', to_char((SELECT at FROM now), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'attempt', h.attempt,
            'error', 'the node ' || h.node || ' ended while it ran this job',
            'k_node', h.node
        ) AS element
    FROM held AS h
)
{free}
