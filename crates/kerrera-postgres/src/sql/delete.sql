-- Removes the jobs of a batch, and says in which state each was. The conditions, with the states that
-- allow it, are filled in; they are asked again once a row is locked, so a job that is claimed first
-- stays.
-- Locks: the rows, in the order of their numbers; waits for those that somebody holds.
-- Index: see conditions.sql; the primary key.
WITH meant AS MATERIALIZED (
    SELECT j.id
    FROM {schema}.oban_jobs AS j
    WHERE <conditions>
    ORDER BY j.id
    LIMIT $1::bigint
    FOR UPDATE
)
DELETE FROM {schema}.oban_jobs AS j
WHERE j.id = ANY (ARRAY(SELECT n.id FROM meant AS n))
RETURNING j.id, j.queue, j.state::text, j.attempted_by[3]
