-- Purpose: parts of other statements: what can be asked of a job, one condition a line. Each ? is a
--          parameter of its own; <column> is one of the times, <number>, <text> and <json> one of those
--          columns, <sign> a comparison.
-- Locks:   none of their own.
-- Index:   ids, the primary key; states, and queues with one of them, the partial ones; the others
--          are read from the rows that are left.
ids: id IN (SELECT value FROM json_each(?))
queues: queue IN (SELECT value FROM json_each(?))
workers: worker IN (SELECT value FROM json_each(?))
priorities: priority IN (SELECT value FROM json_each(?))
attempts: attempt IN (SELECT value FROM json_each(?))
max_attempts: max_attempts IN (SELECT value FROM json_each(?))
tags: (SELECT json_group_array(value) FROM json_each(tags)) = (SELECT json_group_array(value) FROM json_each(?))
tagged: ? IN (SELECT value FROM json_each(tags))
args: kerrera_contains(args, ?)
meta: kerrera_contains(meta, ?)
since: <column> >= ?
before: <column> < ?
has: <column> IS NOT NULL
after: id > ?
until: id < ?
after_time: (<column>, id) > (?, ?)
until_time: (<column>, id) < (?, ?)
after_claim: (priority, scheduled_at, id) > (?, ?, ?)
until_claim: (priority, scheduled_at, id) < (?, ?, ?)
after_or_at: id >= ?
until_or_at: id <= ?
after_time_or_at: (<column>, id) >= (?, ?)
until_time_or_at: (<column>, id) <= (?, ?)
after_claim_or_at: (priority, scheduled_at, id) >= (?, ?, ?)
until_claim_or_at: (priority, scheduled_at, id) <= (?, ?, ?)
pair: state = 'available' AND queue = ? AND priority = ?
prefix: substr(<text>, 1, length(?)) = ?
number: <number> <sign> ?
node: attempted_by ->> 0 = ?
reaches: kerrera_reaches(<json>, ?)
measures: kerrera_measures(<json>, ?)
error_says: kerrera_says(errors ->> '$[#-1].error', ?)
error_type: (instr(errors ->> '$[#-1].error', ?) = 1 OR instr(errors ->> '$[#-1].error', ?) = 1)
fingerprint: errors ->> '$[#-1].k_fp' = ?
ended_since: coalesce(completed_at, discarded_at, cancelled_at) >= ?
ended_before: coalesce(completed_at, discarded_at, cancelled_at) < ?
ran: iif(state = 'executing', ?, coalesce(completed_at, discarded_at, cancelled_at)) - attempted_at <sign> ?
waited: attempted_at - scheduled_at <sign> ?
orphaned: (state = 'executing' AND attempted_by ->> 2 GLOB 'k:*' AND NOT EXISTS (SELECT 1 FROM kerrera_producers WHERE uuid = oban_jobs.attempted_by ->> 1))
stuck: (state = 'executing' AND ? - attempted_at > (SELECT (1 + (card ->> '$.timeout.secs')) * 1000000 FROM kerrera_workers WHERE kerrera_workers.worker = oban_jobs.worker))
unregistered: NOT EXISTS (SELECT 1 FROM kerrera_workers WHERE kerrera_workers.worker = oban_jobs.worker)
traced: substr(meta ->> '$.traceparent', 4, 32) = ?
