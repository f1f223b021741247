-- Purpose: parts of another statement: what can be asked of an entry of the log, one condition a
--          line. Each ? is a parameter of its own.
-- Locks:   none of their own.
-- Index:   actor and target have one each; after is the primary key; the others are read from the
--          rows that are left: a job is looked for in each.
actor: actor_id = ?
action: action = ?
target_type: target_type = ?
target: target = ? AND length(target) <= 200
job: ? IN (SELECT value FROM json_each(jobs))
outcome: outcome = ?
since: at >= ?
before: at < ?
after: id < ?
