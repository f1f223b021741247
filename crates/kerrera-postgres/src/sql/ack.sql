-- Writes how runs ended, whatever they ended with, and inserts what follows from those that could be
-- written; gives back the numbers of these. No job is in the list twice.
-- Locks: the rows, in the order of their numbers. Index: the primary key.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
written AS (
    UPDATE {schema}.oban_jobs AS j
    SET
        state = a.state::{state},
        attempt = greatest(j.attempt + a.delta, 0),
        max_attempts = CASE
            WHEN a.raise THEN greatest(j.max_attempts, j.attempt + a.delta + 1)
            ELSE j.max_attempts
        END,
        scheduled_at = CASE
            WHEN a.wait IS NULL THEN j.scheduled_at
            -- In two parts: a number of microseconds can be too large for a double.
            ELSE (SELECT at FROM now)
                + interval '1 second' * (a.wait / 1000000)
                + interval '1 microsecond' * (a.wait % 1000000)
        END,
        attempted_at = coalesce(a.began, j.attempted_at),
        completed_at = CASE
            WHEN a.stamp = 'clear' THEN NULL
            WHEN a.stamp = 'end' AND a.state = 'completed' THEN (SELECT at FROM now)
            ELSE j.completed_at
        END,
        discarded_at = CASE
            WHEN a.stamp = 'clear' THEN NULL
            WHEN a.stamp = 'end' AND a.state = 'discarded' THEN (SELECT at FROM now)
            ELSE j.discarded_at
        END,
        cancelled_at = CASE
            WHEN a.stamp = 'clear' THEN NULL
            WHEN a.stamp = 'end' AND a.state = 'cancelled' THEN (SELECT at FROM now)
            ELSE j.cancelled_at
        END,
        errors = CASE WHEN a.element IS NULL THEN j.errors ELSE {errors} END,
        meta = CASE
            WHEN a.counter IS NULL AND a.patch IS NULL THEN j.meta
            ELSE
                CASE WHEN jsonb_typeof(j.meta) = 'object' THEN j.meta ELSE '{}' END
                || coalesce(a.patch::jsonb, '{}')
                || CASE
                    WHEN a.counter IS NULL THEN '{}'
                    ELSE jsonb_build_object(a.counter, 1 + CASE
                        WHEN jsonb_typeof(j.meta -> a.counter) = 'number'
                            THEN (j.meta ->> a.counter)::numeric
                        ELSE 0
                    END)
                END
        END
    FROM (
        SELECT
            r.*,
            CASE WHEN r.error IS NOT NULL THEN jsonb_build_object(
                'at', to_char((SELECT at FROM now), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                'attempt', r.failed, 'error', r.error, 'k_node', r.node, 'k_ms', r.ran
            ) || CASE
                WHEN r.print IS NULL THEN '{}'
                ELSE jsonb_build_object('k_fp', r.print)
            END END AS element
        FROM unnest(
            $2::bigint[], $3::text[], $4::text[], $5::int[], $6::bool[], $7::bigint[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::int[], $13::text[], $14::bigint[],
            $15::timestamp[], $27::text[]
        ) AS r (
            id, token, state, delta, raise, wait, stamp, counter, patch, error, failed, node, ran,
            began, print
        )
    ) AS a
    -- The list once more, for the index, whichever way the join is done.
    WHERE j.id = ANY ($2::bigint[])
        AND j.id = a.id
        AND j.state = 'executing'
        AND j.attempted_by[3] = a.token
    RETURNING j.id
),
followed AS (
    INSERT INTO {schema}.oban_jobs
        (state, queue, worker, args, meta, tags, priority, max_attempts, inserted_at, scheduled_at)
    SELECT
        n.state::{state}, n.queue, n.worker, n.args::jsonb, n.meta::jsonb, n.tags::text[],
        n.priority, n.max_attempts, (SELECT at FROM now),
        coalesce(
            n.at,
            (SELECT at FROM now)
                + interval '1 second' * (n.wait / 1000000)
                + interval '1 microsecond' * (n.wait % 1000000),
            (SELECT at FROM now)
        )
    FROM unnest(
        $16::bigint[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[],
        $23::int[], $24::int[], $25::bigint[], $26::timestamp[]
    ) WITH ORDINALITY AS n (
        after, state, queue, worker, args, meta, tags, priority, max_attempts, wait, at, place
    )
    -- Looked up in a hash table; a join would compare each with each.
    WHERE (n.after IN (SELECT w.id FROM written AS w)) IS TRUE
    ORDER BY n.place
)
SELECT w.id FROM written AS w
