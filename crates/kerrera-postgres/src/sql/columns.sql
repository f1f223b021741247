-- A part of other statements: a job's columns, in the order in which they are decoded. No type of
-- the schema's own is among them, so that a driver need not look one up.
j.id, j.state::text, j.queue, j.worker, j.args, j.meta, j.tags::text[], to_jsonb(j.errors),
j.attempt::int4, j.max_attempts::int4, j.priority::int4, j.attempted_by, j.inserted_at,
j.scheduled_at, j.attempted_at, j.completed_at, j.discarded_at, j.cancelled_at
