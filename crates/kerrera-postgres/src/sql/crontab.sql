-- Cron entries and where they stand: all, or those with these names. One row without a name if there
-- are none, for the time.
-- Locks: none. Index: the primary keys; one look at the last slot and one at the last job of each.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
)
SELECT
    now.at, c.name, c.expression, c.timezone, c.job::text, c.misfire, c.overlap, c.paused,
    c.begins_at, c.forgotten_to, c.last_job, c.updated_at, s.slot, s.node,
    EXISTS (
        SELECT
        FROM {schema}.oban_jobs AS j
        WHERE j.id = c.last_job AND j.state NOT IN ('completed', 'discarded', 'cancelled')
    ),
    c.declared = ''
FROM now
LEFT JOIN {schema}.kerrera_crons AS c ON $2::text[] IS NULL OR c.name = ANY ($2::text[])
LEFT JOIN LATERAL (
    SELECT l.slot, l.node
    FROM {schema}.kerrera_cron_slots AS l
    WHERE l.name = c.name AND l.slot <= now.at
    ORDER BY l.slot DESC
    LIMIT 1
) AS s ON true
ORDER BY c.name
