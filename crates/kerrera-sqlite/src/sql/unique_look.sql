-- Purpose: looks, for each of some unique jobs, for the oldest that counts as the same among those
--          that hold a claim of its key.
-- Locks:   none; the write lock is held.
-- Index:   the primary keys.
WITH clock (now) AS (
    SELECT coalesce(?1 ->> 'now_us', CAST(round(unixepoch('subsec') * 1000000) AS INTEGER))
)
SELECT json_object(
    'place', asked.value ->> 'place',
    'now_us', clock.now,
    'job', json(CASE WHEN oban_jobs.id IS NULL THEN 'null' ELSE {job} END)
)
FROM clock
CROSS JOIN json_each(?1, '$.jobs') AS asked
LEFT JOIN oban_jobs ON oban_jobs.id = (
    SELECT held.id
    FROM kerrera_unique AS claim
    JOIN oban_jobs AS held ON held.id = claim.job_id AND held.inserted_at = claim.inserted_at
    WHERE claim.key = asked.value ->> 'key'
        AND held.state IN (SELECT state.value FROM json_each(asked.value, '$.states') AS state)
        AND (
            asked.value ->> 'period_us' IS NULL
            OR CASE asked.value ->> 'timestamp'
                WHEN 'scheduled_at' THEN held.scheduled_at
                ELSE held.inserted_at
            END >= clock.now - (asked.value ->> 'period_us')
        )
    ORDER BY held.id
    LIMIT 1
)
ORDER BY asked.key
