-- Purpose: how many jobs of a sample fulfil some conditions, by queue and state: as many numbers as are
--          wanted, one out of each stretch of numbers, at a place in it that looks random and is the same
--          each time. The first number, how many, and the length of a stretch are filled in.
-- Locks:   none.
-- Index:   the primary key, one look for each number.
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < <count>)
SELECT queue, state, count(*)
FROM n
CROSS JOIN oban_jobs ON id = <first> + n.i * <stretch> + ((n.i * 2654435761) >> 8) % <stretch>
WHERE <conditions>
GROUP BY queue, state
