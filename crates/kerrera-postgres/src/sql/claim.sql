-- Takes the next available jobs of a queue.
-- Locks: the rows that it takes, which nobody else holds at the moment.
-- Index: kerrera_jobs_available_index (or Oban's compound one) in its own order; the primary key.
UPDATE {schema}.oban_jobs AS j
SET
    state = 'executing',
    attempt = j.attempt + 1,
    attempted_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))),
    attempted_by = $2::text[]
WHERE j.id = ANY (ARRAY(
    SELECT a.id
    FROM {schema}.oban_jobs AS a
    WHERE a.state = 'available'
        AND a.queue = $4::text
        AND a.attempt < a.max_attempts
        AND NOT (a.worker = ANY ($5::text[]))
        {floor}
        -- One that retired has a seen_at without end.
        AND EXISTS (
            SELECT FROM {schema}.kerrera_producers AS p
            WHERE p.uuid = $3::uuid AND p.seen_at < 'infinity'
        )
    ORDER BY a.priority, a.scheduled_at, a.id
    LIMIT $6::bigint
    FOR UPDATE SKIP LOCKED
))
RETURNING {claimed}
