-- Purpose: forgets the rows of a tier that are too old.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key, the first rows of the tier.
DELETE FROM kerrera_metrics WHERE tier = :tier AND at < :before
