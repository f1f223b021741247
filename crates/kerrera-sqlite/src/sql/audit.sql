-- Purpose: the entries of the log that a query has, the newest first; its conditions are filled in.
-- Locks:   none.
-- Index:   the primary key, backwards; see audit_conditions.sql.
SELECT
    id, at, instance, actor_id, actor_label, via, action, target_type, target, jobs, count, before,
    after, reason, request_id, remote_ip, outcome, error
FROM kerrera_audit
WHERE <conditions>
ORDER BY id DESC
LIMIT ?1
