-- Replaces parts of jobs by those of unique jobs that were not inserted, as long as they are in one of
-- the given states; the state itself stays.
-- Locks: the rows. Index: the primary key.
WITH given AS MATERIALIZED (
    SELECT
        g.document -> 'jobs' AS jobs,
        coalesce(
            timestamp 'epoch'
                + interval '1 second' * ((g.document ->> 'now_us')::bigint / 1000000)
                + interval '1 microsecond' * ((g.document ->> 'now_us')::bigint % 1000000),
            timezone('UTC', clock_timestamp())
        ) AS now
    FROM (SELECT $1::text::jsonb AS document) AS g
),
replaced AS (
    UPDATE {schema}.oban_jobs AS j
    SET
        args = coalesce(n.args, j.args),
        meta = coalesce(n.meta, j.meta),
        tags = CASE
            WHEN n.tags IS NULL THEN j.tags::text[]
            ELSE ARRAY(SELECT jsonb_array_elements_text(n.tags))
        END,
        priority = coalesce(n.priority, j.priority),
        queue = coalesce(n.queue, j.queue),
        worker = coalesce(n.worker, j.worker),
        -- Never so few that what is left of its life breaks the table's rules.
        max_attempts = CASE
            WHEN n.max_attempts IS NULL THEN j.max_attempts
            WHEN j.state IN ('available', 'scheduled', 'retryable')
                THEN greatest(n.max_attempts, j.attempt + 1)
            ELSE greatest(n.max_attempts, j.attempt)
        END,
        scheduled_at = CASE
            WHEN NOT n.reschedule THEN j.scheduled_at
            ELSE coalesce(
                timestamp 'epoch'
                    + interval '1 second' * (n.at_us / 1000000)
                    + interval '1 microsecond' * (n.at_us % 1000000),
                (SELECT now FROM given)
                    + interval '1 second' * (n.wait_us / 1000000)
                    + interval '1 microsecond' * (n.wait_us % 1000000),
                (SELECT now FROM given)
            )
        END
    FROM jsonb_to_recordset((SELECT jobs FROM given)) AS n (
        id bigint, states text[], args jsonb, meta jsonb, tags jsonb, priority int, queue text,
        worker text, max_attempts int, reschedule bool, wait_us bigint, at_us bigint
    )
    WHERE j.id = n.id AND j.state::text = ANY (n.states)
    RETURNING j.*
)
SELECT row_to_json(r)::text FROM replaced AS r
