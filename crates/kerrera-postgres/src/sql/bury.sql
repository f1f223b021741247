-- Removes producers that are dead, each only if nothing has touched its row since it was looked at.
-- Locks: the rows that it removes; one that is held at the moment is being beaten, so it lives.
-- Index: the primary key.
DELETE FROM {schema}.kerrera_producers AS p
WHERE p.uuid = ANY (ARRAY(
    SELECT q.uuid
    FROM unnest($1::uuid[], $2::bigint[]) AS d (uuid, mark)
    JOIN {schema}.kerrera_producers AS q ON q.uuid = d.uuid AND q.xmin::text::bigint = d.mark
    ORDER BY q.uuid
    FOR UPDATE OF q SKIP LOCKED
))
RETURNING p.uuid
