-- Makes due jobs available, the oldest first; and says how many, and which queues have work now.
-- Locks: the rows that it stages, which nobody else holds at the moment.
-- Index: kerrera_jobs_due_index in its own order; the primary key; for the queues, one look each
-- into kerrera_jobs_available_index. (Oban's compound one serves both, with a sort.)
WITH staged AS (
    UPDATE {schema}.oban_jobs AS j
    SET state = 'available'
    WHERE j.id = ANY (ARRAY(
        SELECT d.id
        FROM {schema}.oban_jobs AS d
        WHERE d.state IN ('scheduled', 'retryable')
            AND d.scheduled_at <= (
                SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
            )
        ORDER BY d.scheduled_at, d.id
        LIMIT $2::bigint
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING j.queue, j.attempt < j.max_attempts AS runs
)
SELECT
    (SELECT count(*) FROM staged),
    ARRAY(
        SELECT s.queue FROM staged AS s WHERE s.runs
        UNION
        SELECT w.queue
        FROM unnest($3::text[]) AS w (queue)
        CROSS JOIN LATERAL (
            SELECT
            FROM {schema}.oban_jobs AS a
            WHERE a.state = 'available' AND a.queue = w.queue AND a.attempt < a.max_attempts
            -- Keeps it a look at one row a queue.
            LIMIT 1
        ) AS work
    ),
    -- Shows whether the orders for queues have changed: a handful of rows.
    (SELECT coalesce(sum(q.id), 0)::bigint FROM {schema}.kerrera_queues AS q)
