-- Who holds a seat.
-- Locks: none. Index: the primary key.
SELECT l.node, l.elected_at, l.term
FROM {schema}.kerrera_leaders AS l
WHERE l.name = $2::text
    AND l.expires_at > (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
