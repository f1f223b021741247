-- Inserts jobs that differ in nothing but their args, as insert.sql does: what they have in common is sent
-- once, and made of text once, which is a quarter of the whole.
-- Locks: those of an insertion. Index: none is read.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
due AS MATERIALIZED (
    SELECT coalesce(
        $10::timestamp,
        -- In two parts: a number of microseconds can be too large for a double.
        now.at
            + interval '1 second' * ($9::bigint / 1000000)
            + interval '1 microsecond' * ($9::bigint % 1000000),
        now.at
    ) AS at
    FROM now
)
INSERT INTO {schema}.oban_jobs AS j
    (state, queue, worker, args, meta, tags, priority, max_attempts, inserted_at, scheduled_at)
SELECT
    (SELECT $2::text::{state}), $3::text, $4::text, n.args::jsonb, (SELECT $5::text::jsonb),
    (SELECT $6::text::text[]), $7::int, $8::int, (SELECT at FROM now), (SELECT at FROM due)
FROM unnest($11::text[]) WITH ORDINALITY AS n (args, place)
ORDER BY n.place
RETURNING j.id, j.inserted_at, j.scheduled_at
