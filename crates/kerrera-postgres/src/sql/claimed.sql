-- A part of claim.sql: what is not known of a job beforehand, with nothing where it has nothing. The
-- server spends a tenth of a claim on making bytes of rows.
j.id, j.worker, j.args, nullif(j.meta, '{}'), nullif(j.tags::text[], '{}'), {told},
j.attempt::int4, j.max_attempts::int4, j.priority::int4, j.inserted_at, j.scheduled_at, j.attempted_at
