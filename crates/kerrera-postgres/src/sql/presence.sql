-- Writes under which lock this process is seen from now on; a sign of life as well.
-- Locks: the producers' rows, in the order of their uuids. Index: the primary key.
UPDATE {schema}.kerrera_producers AS p
SET
    presence = $2::int,
    -- One that retired has a seen_at without end.
    seen_at = CASE
        WHEN p.seen_at = 'infinity' THEN p.seen_at
        ELSE (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
    END
FROM unnest($3::uuid[]) AS b (uuid)
WHERE p.uuid = b.uuid
