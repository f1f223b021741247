-- Purpose: notes which keys jobs have claimed that this transaction inserted, each under the next turn
--          of its key.
-- Locks:   the write lock of the file, until the transaction ends.
-- Index:   the primary keys.
INSERT INTO kerrera_unique (key, turn, job_id, inserted_at)
SELECT
    claim.value ->> 'key',
    coalesce((
        SELECT max(taken.turn) FROM kerrera_unique AS taken WHERE taken.key = claim.value ->> 'key'
    ), 0) + row_number() OVER (
        PARTITION BY claim.value ->> 'key' ORDER BY claim.value ->> 'id'
    ),
    oban_jobs.id,
    oban_jobs.inserted_at
FROM json_each(?1, '$.jobs') AS claim
JOIN oban_jobs ON oban_jobs.id = claim.value ->> 'id'
RETURNING key
