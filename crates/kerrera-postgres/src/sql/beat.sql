-- Says that producers are alive, never that there are such: one without a row was declared dead. And
-- asks which of the jobs that they run are theirs no more; of these, a neighbour may have freed or
-- discarded some for their age, and they still carry the token. And whether an operation waits: to ask for
-- itself would be a statement more.
-- Locks: the producers' rows, in the order of their uuids. Index: the primary keys, and the one of
-- operations that have not ended.
WITH alive AS (
    UPDATE {schema}.kerrera_producers AS p
    SET
        seen_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))),
        presence = $2::int,
        meta = CASE
            WHEN p.meta @> b.meta THEN p.meta
            ELSE p.meta || b.meta
        END
    FROM (
        SELECT u.uuid, jsonb_build_object('limit', u.slots, 'paused', u.paused) AS meta
        FROM unnest($3::uuid[], $4::bool[], $7::bigint[]) AS u (uuid, paused, slots)
    ) AS b
    WHERE p.uuid = b.uuid
    RETURNING p.uuid
),
missed AS (
    SELECT r.place, o.stolen
    FROM unnest($5::bigint[], $6::text[]) WITH ORDINALITY AS r (id, token, place)
    LEFT JOIN LATERAL (
        SELECT j.state, {stolen} AS stolen
        FROM {schema}.oban_jobs AS j
        WHERE j.id = r.id AND j.attempted_by[3] = r.token
        -- Keeps it a look at one row a job.
        LIMIT 1
    ) AS o ON true
    WHERE o.state IS DISTINCT FROM 'executing'
)
SELECT
    ARRAY(
        SELECT b.uuid
        FROM unnest($3::uuid[]) AS b (uuid)
        WHERE NOT EXISTS (SELECT FROM alive AS a WHERE a.uuid = b.uuid)
    ),
    ARRAY(SELECT m.place FROM missed AS m WHERE m.stolen IS NOT TRUE),
    ARRAY(SELECT m.place FROM missed AS m WHERE m.stolen),
    EXISTS (
        SELECT FROM {schema}.kerrera_operations AS f
        WHERE f.state IN ('waiting', 'running')
            AND (
                f.leased_until IS NULL
                OR f.leased_until < (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
            )
    )
