-- Purpose: in which queues and states jobs are that an index has, looking at no more than ?1; the states
--          are filled in.
-- Locks:   none.
-- Index:   the partial one of these states.
SELECT queue, state, count(*)
FROM (SELECT queue, state FROM oban_jobs WHERE <states> LIMIT ?1)
GROUP BY queue, state
