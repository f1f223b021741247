-- Inserts the jobs of a JSON object {"now_us", "jobs"} in a transaction of somebody else's, and gives
-- them back as JSON objects in the order of the list.
-- Locks: those of an insertion; with the wake-up, the one under which notifications are queued, from
-- here to the end of the transaction's commit. Index: none is read.
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
inserted AS (
    INSERT INTO {schema}.oban_jobs AS j
        (state, queue, worker, args, meta, tags, priority, max_attempts, inserted_at, scheduled_at)
    SELECT
        n.state::{state}, n.queue, n.worker, n.args, n.meta,
        ARRAY(SELECT jsonb_array_elements_text(n.tags)), n.priority, n.max_attempts,
        (SELECT now FROM given),
        coalesce(
            timestamp 'epoch'
                + interval '1 second' * (n.at_us / 1000000)
                + interval '1 microsecond' * (n.at_us % 1000000),
            (SELECT now FROM given)
                + interval '1 second' * (n.wait_us / 1000000)
                + interval '1 microsecond' * (n.wait_us % 1000000),
            (SELECT now FROM given)
        )
    FROM ROWS FROM (
        jsonb_to_recordset((SELECT jobs FROM given)) AS (
            state text, queue text, worker text, args jsonb, meta jsonb, tags jsonb, priority int,
            max_attempts int, wait_us bigint, at_us bigint
        )
    ) WITH ORDINALITY
        AS n (state, queue, worker, args, meta, tags, priority, max_attempts, wait_us, at_us, place)
    ORDER BY n.place
    RETURNING j.*
)
SELECT row_to_json(i)::text
FROM inserted AS i {wake}
ORDER BY i.id
