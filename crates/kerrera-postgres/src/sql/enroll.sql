-- Makes producers known. A second time, after an answer that was lost, it changes nothing.
-- Locks: none but those of an insertion. Index: the primary key.
INSERT INTO {schema}.kerrera_producers
    (uuid, name, node, queue, presence, started_at, seen_at, meta)
SELECT
    n.uuid, 'kerrera', n.node, n.queue, $2::int, now.at, now.at,
    jsonb_build_object('limit', n.slots, 'paused', false)
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[]) AS n (uuid, node, queue, slots)
CROSS JOIN (SELECT (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
) AS at) AS now
ON CONFLICT (uuid) DO NOTHING
