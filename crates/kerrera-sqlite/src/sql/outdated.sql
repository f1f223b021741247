-- Purpose: whether a producer's row tells another pause or limit than the producer itself.
-- Locks:   none.
-- Index:   the primary key.
SELECT 1
FROM kerrera_producers
WHERE uuid = :uuid
  AND (paused <> :paused OR max_running <> :max_running)
