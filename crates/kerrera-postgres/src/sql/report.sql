-- Writes how far runs are into their rows' meta, and names those that were written.
-- Locks: the rows, in the order of their numbers; passes over those that somebody holds, since there
-- is soon another report. Index: the primary key.
WITH mine AS MATERIALIZED (
    SELECT j.id, r.progress
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS r (id, token, progress)
    JOIN {schema}.oban_jobs AS j
        ON j.id = r.id AND j.state = 'executing' AND j.attempted_by[3] = r.token
    -- The list once more, for the index, whichever way the join is done.
    WHERE j.id = ANY ($1::bigint[])
    ORDER BY j.id
    FOR UPDATE OF j SKIP LOCKED
)
UPDATE {schema}.oban_jobs AS j
SET
    meta = CASE WHEN jsonb_typeof(j.meta) = 'object' THEN j.meta ELSE '{}' END
        || jsonb_build_object('{progress}', m.progress::jsonb)
FROM mine AS m
WHERE j.id = ANY ($1::bigint[]) AND j.id = m.id
RETURNING j.id
