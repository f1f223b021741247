-- Takes the next available jobs of a queue, and gives back what a worker needs of them.
-- Locks: the rows that it takes. Index: kerrera_jobs_available_index in its own order; the primary key.
UPDATE oban_jobs AS j
SET
    state = 'executing',
    attempt = j.attempt + 1,
    attempted_at = timezone('UTC', now()),
    attempted_by = ARRAY[$1::text, $2::text]
WHERE j.id = ANY (ARRAY(
    SELECT a.id
    FROM oban_jobs AS a
    WHERE a.state = 'available' AND a.queue = $3::text
    ORDER BY a.priority, a.scheduled_at, a.id
    LIMIT $4::bigint
    FOR UPDATE SKIP LOCKED
))
RETURNING j.id, j.worker, j.args, j.attempt
