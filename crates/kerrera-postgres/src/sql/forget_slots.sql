-- Removes the slots of a cron entry that are neither young nor among the last ones, and remembers up
-- to where.
-- Locks: the entry's row, which is held, and the slots'. Index: the primary keys.
WITH gone AS (
    DELETE FROM {schema}.kerrera_cron_slots AS s
    WHERE s.name = $1::text
        AND s.slot < $2::timestamp
        AND s.slot < (
            SELECT l.slot
            FROM {schema}.kerrera_cron_slots AS l
            WHERE l.name = $1::text
            ORDER BY l.slot DESC
            OFFSET $3::bigint - 1
            LIMIT 1
        )
    RETURNING s.slot
)
UPDATE {schema}.kerrera_crons AS c
SET forgotten_to = greatest(c.forgotten_to, g.slot)
FROM (SELECT max(slot) AS slot FROM gone) AS g
WHERE c.name = $1::text AND g.slot IS NOT NULL
