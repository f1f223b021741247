-- Inserts jobs, and gives back what the server decided of each, in the order in which they were given:
-- the numbers are handed out after the sort, so they grow in that order too.
-- Locks: those of an insertion. Index: none is read.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
)
INSERT INTO {schema}.oban_jobs AS j
    (state, queue, worker, args, meta, tags, priority, max_attempts, inserted_at, scheduled_at)
SELECT
    n.state::{state}, n.queue, n.worker, n.args::jsonb, n.meta::jsonb, n.tags::text[], n.priority,
    n.max_attempts, (SELECT at FROM now),
    coalesce(
        n.at,
        -- In two parts: a number of microseconds can be too large for a double.
        (SELECT at FROM now)
            + interval '1 second' * (n.wait / 1000000)
            + interval '1 microsecond' * (n.wait % 1000000),
        (SELECT at FROM now)
    )
FROM unnest(
    $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::int[],
    $10::bigint[], $11::timestamp[]
) WITH ORDINALITY
    AS n (state, queue, worker, args, meta, tags, priority, max_attempts, wait, at, place)
ORDER BY n.place
RETURNING j.id, j.inserted_at, j.scheduled_at
