-- Writes what a node says about itself.
-- Locks: its row. Index: the primary key.
INSERT INTO {schema}.kerrera_nodes AS n (process, node, card, started_at, seen_at)
SELECT $2::uuid, $3::text, $4::text, now.at, now.at
FROM (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at) AS now
ON CONFLICT (process) DO UPDATE
SET node = excluded.node, card = excluded.card, seen_at = excluded.seen_at
