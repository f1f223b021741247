-- Purpose: removes the slots of an entry that are neither young nor among the last ones.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
DELETE FROM kerrera_cron_slots
WHERE name = :name
  AND slot < :young
  AND slot < (SELECT slot FROM kerrera_cron_slots
              WHERE name = :name ORDER BY slot DESC LIMIT 1 OFFSET :kept - 1)
RETURNING slot
