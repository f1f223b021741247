-- Purpose: which of some producers are not enrolled.
-- Locks:   none.
-- Index:   the primary key.
SELECT asked.value
FROM json_each(:producers) AS asked
WHERE NOT EXISTS (SELECT 1 FROM kerrera_producers WHERE uuid = asked.value)
