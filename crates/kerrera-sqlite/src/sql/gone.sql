-- Purpose: which of some claims, given as [job, token], no longer hold.
-- Locks:   none.
-- Index:   the primary key.
SELECT claim.value ->> 0, claim.value ->> 1
FROM json_each(:claims) AS claim
WHERE NOT EXISTS (
    SELECT 1
    FROM oban_jobs
    WHERE id = claim.value ->> 0
      AND state = 'executing'
      AND attempted_by ->> 2 = claim.value ->> 1
)
