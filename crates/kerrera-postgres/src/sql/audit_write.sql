-- Adds an entry to the log, in the transaction of what it tells.
-- Locks: none beyond its row. Index: those of the table, which grow.
INSERT INTO {schema}.kerrera_audit (
    at, instance, actor_id, actor_label, via, action, target_type, target, jobs, count, before, after,
    reason, request_id, remote_ip, outcome, error
)
SELECT
    (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))),
    $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::bigint[], $10::bigint,
    $11::text, $12::text, $13::text, $14::text, $15::text, $16::text, $17::text
