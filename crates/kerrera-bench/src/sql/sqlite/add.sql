-- Purpose: fills in available jobs, as an insertion by Kerrera leaves them. One that only waits is not
--          counted.
-- Locks:   the write lock of the file.
-- Index:   none is read.
WITH RECURSIVE
now (at) AS (SELECT CAST(round(unixepoch('subsec') * 1000000) AS INTEGER)),
series (n) AS (SELECT 0 WHERE :count > 0 UNION ALL SELECT n + 1 FROM series WHERE n + 1 < :count)
INSERT INTO oban_jobs (queue, worker, args, priority, inserted_at, scheduled_at)
SELECT
    :queue || CASE WHEN :queues = 1 THEN '' ELSE '_' || (n % :queues) END,
    :worker, json_object('n', CASE WHEN :priority = 0 THEN n ELSE -1 END), :priority, at, at
FROM series, now
