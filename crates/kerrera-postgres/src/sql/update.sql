-- Changes a job, and gives it back; what is NULL stays. The state was decided with the row locked.
-- Locks: the row, which the transaction holds already. Index: the primary key.
UPDATE {schema}.oban_jobs AS j
SET
    state = $3::text::{state},
    args = coalesce($4::text::jsonb, j.args),
    meta = coalesce($5::text::jsonb, j.meta),
    tags = CASE WHEN $6::text[] IS NULL THEN j.tags::text[] ELSE $6::text[] END,
    queue = coalesce($7::text, j.queue),
    worker = coalesce($8::text, j.worker),
    priority = coalesce($9::int, j.priority),
    max_attempts = coalesce($10::int, j.max_attempts),
    scheduled_at = coalesce(
        $12::timestamp,
        -- In two parts: a number of microseconds can be too large for a double.
        (SELECT coalesce($2::timestamp, timezone('UTC', clock_timestamp())))
            + interval '1 second' * ($11::bigint / 1000000)
            + interval '1 microsecond' * ($11::bigint % 1000000),
        j.scheduled_at
    )
WHERE j.id = $1::bigint
RETURNING {job}
