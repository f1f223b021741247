-- Purpose: adds an entry to the log, in the transaction of what it tells.
-- Locks:   the write lock of the file.
-- Index:   those of the table, which grow.
INSERT INTO kerrera_audit (
    at, instance, actor_id, actor_label, via, action, target_type, target, jobs, count, before, after,
    reason, request_id, remote_ip, outcome, error
)
VALUES (
    :now, :instance, :actor_id, :actor_label, :via, :action, :target_type, :target, :jobs, :count,
    :before, :after, :reason, :request_id, :remote_ip, :outcome, :error
)
