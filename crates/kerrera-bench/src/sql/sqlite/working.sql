-- Purpose: whether a measured job is claimed at this moment.
-- Locks:   none.
-- Index:   kerrera_executing.
SELECT EXISTS (
    SELECT 1 FROM oban_jobs WHERE state = 'executing' AND worker = ?1 AND priority = 0
)
