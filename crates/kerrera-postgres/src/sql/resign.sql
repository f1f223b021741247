-- Gives a seat up, and tells the others when that is committed, in the form in which Oban's leaders
-- do: its nodes pass over a name that they do not know.
-- Locks: the seat's row. Index: the primary key.
WITH given_up AS (
    UPDATE {schema}.kerrera_leaders AS l
    SET expires_at = coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
    WHERE l.name = $2::text AND l.holder = $3::uuid AND l.term = $4::bigint
    RETURNING l.name
)
SELECT pg_notify('{leader_channel}', json_build_object('down', g.name)::text) FROM given_up AS g
