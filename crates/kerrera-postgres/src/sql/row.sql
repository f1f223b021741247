-- A part of other statements: what a list shows of a job, in the order in which it is decoded. A
-- large value is read for the jobs of the page only. No type of the schema's own is among them.
j.id, j.state::text, j.queue, j.worker, left(j.args::text, 512), octet_length(j.args::text)::bigint,
j.tags::text[], j.attempt::int4, j.max_attempts::int4, j.priority::int4, j.attempted_by[1],
(j.meta -> '{progress}')::text, j.inserted_at, j.scheduled_at, j.attempted_at, j.completed_at,
j.discarded_at, j.cancelled_at
