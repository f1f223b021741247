-- The entries of the log that a query has, the newest first; its conditions are filled in.
-- Locks: none. Index: the primary key, backwards; see audit_conditions.sql.
SELECT
    a.id, a.at, a.instance, a.actor_id, a.actor_label, a.via, a.action, a.target_type, a.target, a.jobs,
    a.count, a.before, a.after, a.reason, a.request_id, a.remote_ip, a.outcome, a.error
FROM {schema}.kerrera_audit AS a
WHERE <conditions>
ORDER BY a.id DESC
LIMIT $1::bigint
