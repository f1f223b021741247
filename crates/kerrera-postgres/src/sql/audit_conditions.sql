-- Parts of another statement: what can be asked of an entry of the log, one condition a line. Each $?
-- is a parameter of its own.
-- Index: actor, target and job have one each; after is the primary key; the others are read from the
-- rows that are left.
actor: a.actor_id = $?::text
action: a.action = $?::text
target_type: a.target_type = $?::text
target: a.target = $?::text AND length(a.target) <= 200
job: a.jobs @> ARRAY[$?::bigint]
outcome: a.outcome = $?::text
since: a.at >= $?::timestamp
before: a.at < $?::timestamp
after: a.id < $?::bigint
