-- Purpose: which jobs of a stretch of numbers were looked at: number, whether it is too young to be
--          pruned by any rule, and whether it ended long enough ago. Completed jobs age from when they
--          completed.
-- Locks:   none.
-- Index:   the primary key, from where the last question ended.
SELECT
    id,
    inserted_at > :now - :shortest,
    state,
    state IN ('completed', 'cancelled', 'discarded') AND
    CASE state
        WHEN 'completed' THEN coalesce(completed_at, scheduled_at)
        WHEN 'cancelled' THEN coalesce(cancelled_at, scheduled_at)
        WHEN 'discarded' THEN coalesce(discarded_at, scheduled_at)
    END < :now - (
        SELECT CASE state
            WHEN 'completed' THEN rule.value ->> 'completed'
            WHEN 'cancelled' THEN rule.value ->> 'cancelled'
            WHEN 'discarded' THEN rule.value ->> 'discarded'
        END
        FROM json_each(:rules) AS rule
        WHERE (rule.value ->> 'queue' IS NULL OR rule.value ->> 'queue' = queue)
          AND (rule.value ->> 'worker' IS NULL OR rule.value ->> 'worker' = worker)
        ORDER BY rule.key
        LIMIT 1
    )
FROM oban_jobs
WHERE id > :after AND id <= :upto
ORDER BY id
LIMIT :limit
