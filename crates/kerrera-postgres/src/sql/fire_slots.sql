-- Takes slots of a cron entry, and says which of them had not been taken.
-- Locks: none but those of an insertion. Index: the primary key, which decides.
INSERT INTO {schema}.kerrera_cron_slots (name, slot, node, fired_at)
SELECT $1::text, n.slot, $3::text, $4::timestamp
FROM unnest($2::timestamp[]) AS n (slot)
ORDER BY n.slot
ON CONFLICT DO NOTHING
RETURNING slot
