-- Writes an order for queues down, unless something newer than what the caller has seen covers it;
-- removes what it covers; and tells of it when it commits.
-- Locks: the rows that it changes. Index: the unique one; the table has a handful of rows.
WITH new AS MATERIALIZED (
    SELECT
        n.at,
        coalesce(
            $9::timestamp,
            n.at
                + interval '1 second' * ($8::bigint / 1000000)
                + interval '1 microsecond' * ($8::bigint % 1000000)
        ) AS until
    FROM (SELECT (
        SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
    ) AS at) AS n
),
written AS (
    INSERT INTO {schema}.kerrera_queues AS q
        (queue, node, setting, paused, "limit", running, reason, by, source, at, until)
    SELECT
        $2::text, $3::text, $4::text, $5::bool, $6::int, $7::bool, $10::text, $11::text, $12::text,
        n.at, n.until
    FROM new AS n
    WHERE $15::bigint IS NULL OR NOT EXISTS (
        SELECT
        FROM {schema}.kerrera_queues AS k
        WHERE k.id > $15::bigint
            AND k.setting = $4::text
            AND k.queue IN ($2::text, '*')
            AND k.node IN ($3::text, '*')
    )
    ON CONFLICT (queue, node, setting) DO UPDATE SET
        -- The next number, taken under the row's lock.
        id = DEFAULT,
        paused = excluded.paused,
        "limit" = excluded."limit",
        running = excluded.running,
        reason = excluded.reason,
        by = excluded.by,
        source = excluded.source,
        at = excluded.at,
        until = excluded.until
    WHERE $15::bigint IS NULL OR q.id <= $15::bigint
    RETURNING q.id
),
covered AS (
    DELETE FROM {schema}.kerrera_queues AS o
    USING new AS n, written AS w
    WHERE (o.queue, o.node, o.setting) <> ($2::text, $3::text, $4::text)
        AND n.until IS NULL
        AND o.setting = $4::text
        AND $2::text IN (o.queue, '*')
        AND $3::text IN (o.node, '*')
)
SELECT count(pg_notify(t.channel, t.payload))
FROM unnest($13::text[], $14::text[]) AS t (channel, payload)
CROSS JOIN written
