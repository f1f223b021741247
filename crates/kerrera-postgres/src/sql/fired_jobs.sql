-- Writes which jobs a cron entry's slots have, and which is its last.
-- Locks: the entry's row and its slots', which are held. Index: the primary keys.
WITH slots AS (
    UPDATE {schema}.kerrera_cron_slots AS s
    SET job_id = n.job
    FROM unnest($2::timestamp[], $3::bigint[]) AS n (slot, job)
    WHERE s.name = $1::text AND s.slot = n.slot
)
UPDATE {schema}.kerrera_crons AS c SET last_job = $4::bigint WHERE c.name = $1::text
