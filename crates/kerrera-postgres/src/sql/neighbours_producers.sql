-- Copies our producers to where a neighbour looks for them. Nothing of ours is ever decided by it.
-- Locks: the copies, in the order of their uuids. Index: the primary keys.
INSERT INTO {schema}.oban_producers AS o (uuid, name, node, queue, meta, started_at, updated_at)
SELECT
    p.uuid, 'kerrera', p.node, p.queue,
    jsonb_build_object('local_limit', p.meta -> 'limit', 'paused', p.meta -> 'paused'),
    p.started_at, p.seen_at
FROM {schema}.kerrera_producers AS p
WHERE p.uuid = ANY ($1::uuid[]) AND p.seen_at < 'infinity'
ORDER BY p.uuid
ON CONFLICT (uuid) DO UPDATE
SET meta = excluded.meta, updated_at = excluded.updated_at
WHERE o.name = 'kerrera'
