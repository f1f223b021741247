-- Purpose: the audit, each job's changes in their order.
-- Locks:   none.
-- Index:   none; reads the table.
SELECT json_object('seq', seq, 'job', job, 'old', json(old), 'new', json(new), 'at', at)
FROM torture_audit
ORDER BY job, seq
