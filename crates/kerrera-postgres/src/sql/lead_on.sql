-- Keeps a seat that is held under this term and whose time is not over.
-- Locks: the seat's row. Index: the primary key.
UPDATE {schema}.kerrera_leaders AS l
SET expires_at = n.at + interval '1 microsecond' * $5::bigint
FROM (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at) AS n
WHERE l.name = $2::text AND l.holder = $3::uuid AND l.term = $4::bigint AND l.expires_at > n.at
RETURNING l.term, $5::bigint
