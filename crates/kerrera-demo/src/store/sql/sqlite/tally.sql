-- What the tables hold. ?1 is a JSON array with the requests that were refused.
-- Locks: none. Index: none, every row is read.
WITH welcomes AS (
    SELECT args ->> 'user_id' AS user_id FROM oban_jobs WHERE worker = 'SendWelcomeEmail'
)
SELECT
    (SELECT count(*) FROM users),
    (SELECT count(*) FROM users WHERE greeted),
    (SELECT count(*) FROM analytics),
    (SELECT count(*) FROM airports),
    (
        SELECT count(*) FROM airports WHERE sheet IN (
            SELECT args ->> 'first_row' FROM oban_jobs
            WHERE worker = 'DataImport' AND state = 'completed'
        )
    ),
    (SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM welcomes))
        + (SELECT count(*) FROM welcomes WHERE user_id NOT IN (SELECT id FROM users)),
    (SELECT count(*) FROM users WHERE request_id IN (SELECT value FROM json_each(?1)))
        + (
            SELECT count(*) FROM oban_jobs
            WHERE meta ->> 'request_id' IN (SELECT value FROM json_each(?1))
        )
