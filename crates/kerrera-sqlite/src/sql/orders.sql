-- Purpose: the orders for queues. Those that have ended are told too, since they count for the newest
--          number.
-- Locks:   none.
-- Index:   the primary key.
SELECT id, queue, node, setting, paused, "limit", running, reason, "by", source = 'signal', at, until
FROM kerrera_queues
ORDER BY id
