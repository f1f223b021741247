-- Makes the scheduled and retryable jobs of a queue available before their time: those that are
-- scheduled until then, or all. Says how many.
-- Locks: the rows, which nobody else holds at the moment. Index: kerrera_jobs_due_index; the primary
-- key.
WITH forward AS (
    UPDATE {schema}.oban_jobs AS j
    SET state = 'available'
    WHERE j.id = ANY (ARRAY(
        SELECT d.id
        FROM {schema}.oban_jobs AS d
        WHERE d.state IN ('scheduled', 'retryable')
            AND d.queue = $1::text
            AND d.scheduled_at <= coalesce($2::timestamp, 'infinity')
        ORDER BY d.id
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING j.id
)
SELECT count(*) FROM forward
