-- What became of the measured jobs. (The list of errors is of another type where Python made it.)
-- Locks: none. Index: none; reads the whole table.
SELECT
    count(*),
    count(*) FILTER (
        WHERE state = 'completed' AND attempt = 1 AND coalesce(to_jsonb(errors), '[]') = '[]'
    ),
    count(*) FILTER (WHERE state = 'available' AND attempt = 0)
FROM oban_jobs
WHERE worker = $1::text AND priority = 0
