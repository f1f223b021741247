-- Purpose: a stretch of claims in the order of their keys, and which of them are of jobs that are gone.
-- Locks:   none; the write lock is held.
-- Index:   the primary keys.
SELECT
    claim.key,
    claim.turn,
    NOT EXISTS (
        SELECT 1
        FROM oban_jobs
        WHERE oban_jobs.id = claim.job_id AND oban_jobs.inserted_at = claim.inserted_at
    )
FROM kerrera_unique AS claim
WHERE (claim.key, claim.turn) > (:key, :turn)
ORDER BY claim.key, claim.turn
LIMIT :limit
