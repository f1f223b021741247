-- Moves the jobs of a batch, and says in which state each was. What is written, and the conditions,
-- with the states that allow it, are filled in; they are asked again once a row is locked, so a run
-- that ends first has its end.
-- Locks: the rows, in the order of their numbers; waits for those that somebody holds, since a job
-- that is just being written must not escape.
-- Index: see conditions.sql; the primary key.
WITH meant AS MATERIALIZED (
    SELECT j.id, j.queue, j.state, j.attempted_by[3] AS token
    FROM {schema}.oban_jobs AS j
    WHERE <conditions>
    ORDER BY j.id
    LIMIT $1::bigint
    FOR UPDATE
)
UPDATE {schema}.oban_jobs AS j
SET
{move}
FROM meant AS m
-- The list once more, for the index, whichever way the join is done.
WHERE j.id = ANY (ARRAY(SELECT n.id FROM meant AS n)) AND j.id = m.id
RETURNING j.id, m.queue, m.state::text, m.token
