-- Purpose: writes how far an operation is, and its end.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE kerrera_operations
SET reached = :to,
    done = done + :done,
    skipped = skipped + :skipped,
    failed = failed + :failed,
    failures = :failures,
    leased_until = :until,
    state = coalesce(:state, state),
    error = coalesce(:error, error),
    ended_at = CASE WHEN :state IS NULL THEN ended_at ELSE :now END
WHERE id = :id
RETURNING done
