-- Parts of other statements: what can be asked of a job, one condition a line. Each $? is a parameter
-- of its own; <column> is one of the times.
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
