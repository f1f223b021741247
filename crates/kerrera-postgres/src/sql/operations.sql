-- Operations, the newest first.
-- Locks: none. Index: the primary key.
SELECT {operation}
FROM {schema}.kerrera_operations AS o
WHERE o.id < coalesce($1::bigint, 9223372036854775807)
ORDER BY o.id DESC
LIMIT $2::bigint
