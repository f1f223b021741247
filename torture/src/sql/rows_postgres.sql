-- Purpose: the jobs as they are at the end.
-- Locks:   none.
-- Index:   none; reads the table.
SELECT jsonb_build_object(
    'id', id,
    'queue', queue,
    'key', args ->> 'key',
    'kind', args ->> 'kind',
    'parent', args -> 'parent',
    'standing', torture_standing(j)
)::text
FROM oban_jobs AS j
ORDER BY id
