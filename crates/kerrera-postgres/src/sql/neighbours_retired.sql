-- Removes the copies of producers of ours that are no more.
-- Locks: the copies. Index: the primary keys.
DELETE FROM {schema}.oban_producers AS o
WHERE o.uuid = ANY ($1::uuid[])
    AND o.name = 'kerrera'
    AND NOT EXISTS (SELECT FROM {schema}.kerrera_producers AS p WHERE p.uuid = o.uuid)
