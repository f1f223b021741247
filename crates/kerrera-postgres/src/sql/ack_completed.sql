-- Writes runs that ended well and left nothing else to write: most of them.
-- Locks: the rows, in the order of their numbers. Index: the primary key, or the one of executing rows.
UPDATE {schema}.oban_jobs AS j
SET
    state = 'completed',
    completed_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
WHERE j.id = ANY ($2::bigint[])
    AND j.state = 'executing'
    -- Pair by pair, in a hash table. A join would be planned by statistics, which know nothing of rows
    -- that are executing for a moment only, and compare each with each.
    AND ((j.id, j.attempted_by[3]) IN (
        SELECT a.id, a.token FROM unnest($2::bigint[], $3::text[]) AS a (id, token)
    )) IS TRUE
RETURNING j.id
