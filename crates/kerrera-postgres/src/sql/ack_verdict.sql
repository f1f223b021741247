-- Says why acks could not be written, row by row: what the row is now, if it still carries the
-- claim's token, whether the failure stands among its errors, and whether a neighbour took it from its
-- run, and when that had begun. Appends the failure to rows that somebody cancelled while they ran.
-- Locks: the rows that it appends to. Index: the primary key.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
ours AS MATERIALIZED (
    SELECT
        r.*,
        j.state AS found,
        j.attempted_at,
        -- Another attempt under the same token: this one was given back, so it was written.
        j.attempt = r.attempt AND {stolen} AS stolen,
        EXISTS (
            SELECT
            FROM jsonb_array_elements(
                CASE
                    WHEN jsonb_typeof(to_jsonb(j.errors)) = 'array' THEN to_jsonb(j.errors)
                    ELSE '[]'
                END
            ) AS e (element)
            WHERE e.element ->> 'error' = r.error
                AND e.element ->> 'attempt' = r.failed::text
                AND e.element ->> 'k_node' = r.node
        ) AS told
    FROM unnest(
        $2::bigint[], $3::text[], $4::text[], $5::int[], $6::text[], $7::bigint[], $8::int[],
        $9::text[]
    ) AS r (id, token, error, failed, node, ran, attempt, print)
    JOIN {schema}.oban_jobs AS j ON j.id = r.id AND j.attempted_by[3] = r.token
    -- The list once more, for the index, whichever way the join is done.
    WHERE j.id = ANY ($2::bigint[])
),
appended AS (
    UPDATE {schema}.oban_jobs AS j
    SET errors = {errors}
    FROM (
        SELECT
            o.*,
            jsonb_build_object(
                'at', to_char((SELECT at FROM now), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                'attempt', o.failed, 'error', o.error, 'k_node', o.node, 'k_ms', o.ran
            ) || CASE
                WHEN o.print IS NULL THEN '{}'
                ELSE jsonb_build_object('k_fp', o.print)
            END AS element
        FROM ours AS o
        WHERE o.found = 'cancelled' AND o.error IS NOT NULL AND NOT o.told
    ) AS a
    WHERE j.id = ANY ($2::bigint[])
        AND j.id = a.id
        AND j.state = 'cancelled'
        AND j.attempted_by[3] = a.token
    RETURNING j.id
)
SELECT o.id, o.found::text, o.told, o.stolen, o.attempted_at FROM ours AS o
