-- Purpose: the jobs as they are at the end.
-- Locks:   none.
-- Index:   none; reads the table.
SELECT json_object(
    'id', id,
    'queue', queue,
    'key', args ->> 'key',
    'kind', args ->> 'kind',
    'parent', args ->> 'parent',
    'standing', {standing}
)
FROM oban_jobs
ORDER BY id
