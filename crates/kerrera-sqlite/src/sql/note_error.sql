-- Purpose: adds failures to their group.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
INSERT INTO kerrera_errors
    (fingerprint, worker, message, node, last_job, first_seen, last_seen, total)
VALUES (:fingerprint, :worker, :message, :node, :job, :now, :now, :count)
ON CONFLICT (fingerprint) DO UPDATE SET
    message = excluded.message,
    node = excluded.node,
    last_job = excluded.last_job,
    last_seen = max(last_seen, excluded.last_seen),
    total = total + excluded.total
