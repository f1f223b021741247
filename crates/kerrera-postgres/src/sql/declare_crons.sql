-- Writes the entries that a starting node brings, each unless it was last brought just so. Slots
-- begin anew where the times are other ones. Tells of it, if it wrote anything, when it commits.
-- Locks: the rows that it writes, in the order of their names. Index: the primary key.
WITH written AS (
    INSERT INTO {schema}.kerrera_crons AS c (
        name, expression, timezone, job, misfire, overlap, declared, begins_at, inserted_at,
        updated_at
    )
    SELECT
        n.name, n.expression, n.timezone, n.job::jsonb, n.misfire, n.overlap, n.declared, now.at,
        now.at, now.at
    FROM unnest(
        $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]
    ) AS n (name, expression, timezone, job, misfire, overlap, declared)
    CROSS JOIN (SELECT (
        SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
    ) AS at) AS now
    ORDER BY n.name
    ON CONFLICT (name) DO UPDATE
    SET
        begins_at = CASE
            WHEN c.expression = excluded.expression AND c.timezone = excluded.timezone THEN c.begins_at
            ELSE excluded.begins_at
        END,
        expression = excluded.expression,
        timezone = excluded.timezone,
        job = excluded.job,
        misfire = excluded.misfire,
        overlap = excluded.overlap,
        declared = excluded.declared,
        updated_at = excluded.updated_at
    WHERE c.declared <> excluded.declared
    RETURNING c.name
)
SELECT pg_notify($9::text, '') FROM (SELECT FROM written AS w LIMIT 1) AS any_entry
