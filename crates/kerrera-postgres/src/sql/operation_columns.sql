-- A part of other statements: an operation's columns, in the order in which they are read.
o.id, o.action, o.query, o.max_id, o.state, o.created_by, o.reason, o.total, o.total_quality, o.reached,
o.done, o.skipped, o.failed, o.failures, o.error, o.node, o.created_at, o.started_at, o.ended_at
