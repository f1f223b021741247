-- Purpose: takes the write lock before anything is looked at, so that nothing comes between. Changes
--          nothing: no key is empty.
-- Locks:   the write lock of the file, until the transaction ends.
-- Index:   the primary key.
DELETE FROM kerrera_unique WHERE key = ?1
