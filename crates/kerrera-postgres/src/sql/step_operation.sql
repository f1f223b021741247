-- Writes how far an operation is, and its end. Locks: its row, which is held. Index: the primary key.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
)
UPDATE {schema}.kerrera_operations AS o
SET
    reached = $3::bigint,
    done = o.done + $4::bigint,
    skipped = o.skipped + $5::bigint,
    failed = o.failed + $6::bigint,
    failures = $7::text,
    leased_until = (SELECT at FROM now) + interval '1 microsecond' * $8::bigint,
    state = coalesce($9::text, o.state),
    error = coalesce($10::text, o.error),
    ended_at = CASE WHEN $9::text IS NULL THEN o.ended_at ELSE (SELECT at FROM now) END
WHERE o.id = $2::bigint
RETURNING o.done
