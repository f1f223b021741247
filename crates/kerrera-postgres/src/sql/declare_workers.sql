-- Writes what a starting node says about its workers.
-- Locks: their rows, in the order of their names. Index: the primary key.
INSERT INTO {schema}.kerrera_workers AS w (worker, node, card, first_seen, seen_at)
SELECT n.worker, $2::text, n.card, now.at, now.at
FROM unnest($3::text[], $4::text[]) AS n (worker, card)
CROSS JOIN (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at) AS now
ORDER BY n.worker
ON CONFLICT (worker) DO UPDATE
SET node = excluded.node, card = excluded.card, seen_at = excluded.seen_at
