-- Purpose: the audit, each job's changes in their order.
-- Locks:   none.
-- Index:   none; reads the table.
SELECT jsonb_build_object('seq', seq, 'job', job, 'old', old, 'new', new, 'at', at)::text
FROM torture_audit
ORDER BY job, seq
