-- A part of claim.sql: what is not known of a job beforehand, with nothing where it has nothing. The
-- server spends a tenth of a claim on making bytes of rows, most of it on each column that is there.
j.id, j.worker, j.args, nullif(j.meta, '{}'),
CASE WHEN cardinality(j.tags) > 0 THEN j.tags::text[] END, {told},
(j.attempt::int8 << 32) | j.max_attempts::int8, nullif(j.priority::int4, 0),
j.inserted_at, nullif(j.scheduled_at, j.inserted_at), j.attempted_at
