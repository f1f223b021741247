-- Removes a node that stops in good order, and remembers when its workers were last seen.
-- Locks: its row; those of its workers, unless somebody else holds them. Index: the primary keys.
WITH gone AS (
    DELETE FROM {schema}.kerrera_nodes AS n WHERE n.process = $2::uuid
),
seen AS (
    SELECT w.worker
    FROM {schema}.kerrera_workers AS w
    WHERE w.worker = ANY ($3::text[])
    ORDER BY w.worker
    FOR UPDATE SKIP LOCKED
)
UPDATE {schema}.kerrera_workers AS w
SET seen_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
WHERE w.worker IN (SELECT s.worker FROM seen AS s)
