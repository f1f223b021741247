-- Purpose: cron entries and where they stand: all, or those of a JSON array of names.
-- Locks:   none of its own.
-- Index:   the primary keys; one look at the last slot and one at the last job of each entry.
SELECT c.name, c.expression, c.timezone, c.job, c.misfire, c.overlap, c.paused, c.begins_at,
       c.forgotten_to, c.last_job, c.updated_at, s.slot, s.node,
       EXISTS (SELECT 1 FROM oban_jobs
               WHERE id = c.last_job AND state NOT IN ('completed', 'discarded', 'cancelled')),
       c.declared = ''
FROM kerrera_crons AS c
LEFT JOIN kerrera_cron_slots AS s
    ON s.name = c.name
   AND s.slot = (SELECT max(slot) FROM kerrera_cron_slots WHERE name = c.name AND slot <= :now)
WHERE :names IS NULL OR c.name IN (SELECT value FROM json_each(:names))
ORDER BY c.name
