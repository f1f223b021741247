-- Purpose: fills in finished jobs, as Kerrera leaves them: two days ago, a millisecond apart.
-- Locks:   the write lock of the file.
-- Index:   none is read.
WITH RECURSIVE
now (at) AS (SELECT CAST(round(unixepoch('subsec') * 1000000) AS INTEGER) - 172800000000),
series (n) AS (SELECT 0 WHERE :count > 0 UNION ALL SELECT n + 1 FROM series WHERE n + 1 < :count)
INSERT INTO oban_jobs
    (state, queue, worker, args, attempt, attempted_by, inserted_at, scheduled_at, attempted_at,
     completed_at)
SELECT
    'completed', :queue, 'KerreraBenchRetained', json_object('n', n), 1,
    '["kerrera_bench.0","00000000-0000-0000-0000-000000000000","k:0000000000000000000000"]',
    at + 1000 * n, at + 1000 * n, at + 1000 * n, at + 1000 * n
FROM series, now
