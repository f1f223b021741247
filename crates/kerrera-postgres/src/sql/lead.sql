-- Takes a seat that is free: nobody ever had it, its time is over, or the caller itself holds it and
-- does not know. A time further off than any would be is a relic of a clock that was wrong. Otherwise
-- says how long the other one can still be sure of it.
-- Locks: the seat's row, if it is to be changed. Index: the primary key.
WITH taken AS (
    INSERT INTO {schema}.kerrera_leaders AS l (name, holder, node, term, elected_at, expires_at)
    SELECT
        $2::text, $3::uuid, $4::text, 1, n.at, n.at + interval '1 microsecond' * $5::bigint
    FROM (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at) AS n
    ON CONFLICT (name) DO UPDATE
    SET
        holder = excluded.holder,
        node = excluded.node,
        term = l.term + 1,
        elected_at = excluded.elected_at,
        expires_at = excluded.expires_at
    WHERE l.holder = excluded.holder
        OR l.expires_at <= excluded.elected_at
        OR l.expires_at > excluded.elected_at
            + greatest(interval '1 day', interval '10 microseconds' * $5::bigint)
    RETURNING l.term
)
SELECT t.term, $5::bigint FROM taken AS t
UNION ALL
SELECT NULL, greatest(0, extract(epoch FROM l.expires_at - (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
)) * 1000000)::bigint
FROM {schema}.kerrera_leaders AS l
WHERE l.name = $2::text AND NOT EXISTS (SELECT FROM taken)
