-- Parts of other statements: what can be asked of a job, one condition a line. Each $? is a parameter
-- of its own; <column> is one of the times, <number> and <json> one of those columns, <sign> a comparison.
-- Index: ids, the primary key; states, and queues with one of them, the partial ones (or Oban's
-- compound one); args and meta, Oban's GIN indexes where they are. The others are read from the rows
-- that are left.
ids: j.id = ANY ($?::bigint[])
queues: j.queue = ANY ($?::text[])
workers: j.worker = ANY ($?::text[])
priorities: j.priority = ANY ($?::int[])
attempts: j.attempt = ANY ($?::int[])
max_attempts: j.max_attempts = ANY ($?::int[])
tags: coalesce(j.tags::text[], '{}') = $?::text[]
tagged: $?::text = ANY (j.tags::text[])
args: j.args @> $?::text::jsonb
meta: j.meta @> $?::text::jsonb
since: j.<column> >= $?::timestamp
before: j.<column> < $?::timestamp
has: j.<column> IS NOT NULL
after: j.id > $?::bigint
until: j.id < $?::bigint
after_time: (j.<column>, j.id) > ($?::timestamp, $?::bigint)
until_time: (j.<column>, j.id) < ($?::timestamp, $?::bigint)
after_claim: (j.priority, j.scheduled_at, j.id) > ($?::int, $?::timestamp, $?::bigint)
until_claim: (j.priority, j.scheduled_at, j.id) < ($?::int, $?::timestamp, $?::bigint)
after_or_at: j.id >= $?::bigint
until_or_at: j.id <= $?::bigint
after_time_or_at: (j.<column>, j.id) >= ($?::timestamp, $?::bigint)
until_time_or_at: (j.<column>, j.id) <= ($?::timestamp, $?::bigint)
after_claim_or_at: (j.priority, j.scheduled_at, j.id) >= ($?::int, $?::timestamp, $?::bigint)
until_claim_or_at: (j.priority, j.scheduled_at, j.id) <= ($?::int, $?::timestamp, $?::bigint)
queue_prefix: starts_with(j.queue, $?::text)
worker_prefix: starts_with(j.worker, $?::text)
number: j.<number> <sign> $?::bigint
node: j.attempted_by[1] = $?::text
reaches: j.<json> #> $?::text[] IS NOT NULL
measures: CASE WHEN jsonb_typeof(j.<json> #> $?::text[]) = 'number' THEN (j.<json> #>> $?::text[])::numeric <sign> $?::text::numeric END
error_says: position(lower($?::text) in lower({last_error} ->> 'error')) > 0
error_type: (starts_with({last_error} ->> 'error', $?::text || ':') OR starts_with({last_error} ->> 'error', '** (' || $?::text || ')'))
fingerprint: {last_error} ->> 'k_fp' = $?::text
ended_since: coalesce(j.completed_at, j.discarded_at, j.cancelled_at) >= $?::timestamp
ended_before: coalesce(j.completed_at, j.discarded_at, j.cancelled_at) < $?::timestamp
ran: CASE WHEN j.state = 'executing' THEN (SELECT coalesce($?::timestamp, timezone('UTC', clock_timestamp()))) ELSE coalesce(j.completed_at, j.discarded_at, j.cancelled_at) END - j.attempted_at <sign> interval '1 microsecond' * $?::bigint
waited: j.attempted_at - j.scheduled_at <sign> interval '1 microsecond' * $?::bigint
orphaned: (j.state = 'executing' AND j.attempted_by[3] LIKE 'k:%' AND NOT EXISTS (SELECT FROM {schema}.kerrera_producers AS o WHERE o.uuid::text = j.attempted_by[2]))
stuck: (j.state = 'executing' AND (SELECT coalesce($?::timestamp, timezone('UTC', clock_timestamp()))) - j.attempted_at > (SELECT interval '1 second' * (1 + substring(w.card FROM '"timeout":\{"secs":([0-9]{1,9})')::bigint) FROM {schema}.kerrera_workers AS w WHERE w.worker = j.worker))
unregistered: NOT EXISTS (SELECT FROM {schema}.kerrera_workers AS w WHERE w.worker = j.worker)
traced: split_part(j.meta ->> 'traceparent', '-', 2) = $?::text
