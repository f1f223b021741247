-- Deletes jobs that ended long enough ago, of a stretch of numbers; says how many of each state, and
-- how far it looked. It ends at the first job that is too young for any rule: numbers are handed out
-- in about the order of time.
-- Completed jobs age from when they completed. (Oban for Elixir counts from scheduled_at: there, a job
-- that ran late can be deleted in the moment in which it completes.)
-- Locks: the rows that it deletes, in the order of their numbers, which nobody else holds at the
-- moment. Index: the primary key, from where the last statement ended; nothing else is looked at.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
seen AS MATERIALIZED (
    SELECT s.id, s.state, s.inserted_at
    FROM {schema}.oban_jobs AS s
    WHERE s.id > $5::bigint AND s.id <= $6::bigint AND {seat}
    ORDER BY s.id
    LIMIT $7::bigint
),
young AS MATERIALIZED (
    SELECT min(s.id) AS id
    FROM seen AS s
    WHERE s.inserted_at > (SELECT at FROM now) - interval '1 microsecond' * $8::bigint
),
looked AS MATERIALIZED (
    SELECT s.id, s.state FROM seen AS s CROSS JOIN young AS y WHERE y.id IS NULL OR s.id < y.id
),
old AS MATERIALIZED (
    SELECT o.id, o.state
    FROM {schema}.oban_jobs AS o
    WHERE o.id = ANY (ARRAY(
            SELECT k.id FROM looked AS k WHERE k.state IN ('completed', 'cancelled', 'discarded')
        ))
        -- Once more, because somebody may have had it tried again since.
        AND o.state IN ('completed', 'cancelled', 'discarded')
        AND CASE o.state
            WHEN 'completed' THEN coalesce(o.completed_at, o.scheduled_at)
            WHEN 'cancelled' THEN coalesce(o.cancelled_at, o.scheduled_at)
            WHEN 'discarded' THEN coalesce(o.discarded_at, o.scheduled_at)
        END < (SELECT at FROM now) - interval '1 microsecond' * (
            SELECT CASE o.state
                WHEN 'completed' THEN r.completed
                WHEN 'cancelled' THEN r.cancelled
                WHEN 'discarded' THEN r.discarded
            END
            FROM unnest($9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[])
                WITH ORDINALITY AS r (queue, worker, completed, cancelled, discarded, place)
            WHERE (r.queue IS NULL OR r.queue = o.queue)
                AND (r.worker IS NULL OR r.worker = o.worker)
            ORDER BY r.place
            LIMIT 1
        )
    ORDER BY o.id
    FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM {schema}.oban_jobs AS j WHERE j.id = ANY (ARRAY(SELECT o.id FROM old AS o))
)
SELECT
    (SELECT min(s.id) FROM seen AS s),
    (SELECT max(k.id) FROM looked AS k),
    (SELECT count(*) FROM seen) = $7::bigint AND (SELECT y.id IS NULL FROM young AS y),
    (SELECT count(*) FROM old AS o WHERE o.state = 'completed'),
    (SELECT count(*) FROM old AS o WHERE o.state = 'cancelled'),
    (SELECT count(*) FROM old AS o WHERE o.state = 'discarded')
