-- Whether a measured job is claimed at this moment.
-- Locks: none. Index: kerrera_jobs_executing_index, from the newest on.
SELECT EXISTS (
    SELECT FROM oban_jobs WHERE state = 'executing' AND worker = $1::text AND priority = 0
    ORDER BY id DESC LIMIT 1
)
