-- Purpose: of which workers jobs are available and executing in which queues, looking at no more than ?1
--          of either state.
-- Locks:   none.
-- Index:   kerrera_available, kerrera_executing; with a look at the table for each job, for its worker.
SELECT queue, state, count(*), worker
FROM (
    SELECT * FROM (SELECT worker, queue, state FROM oban_jobs WHERE state = 'available' LIMIT ?1)
    UNION ALL
    SELECT * FROM (SELECT worker, queue, state FROM oban_jobs WHERE state = 'executing' LIMIT ?1)
)
GROUP BY worker, queue, state
