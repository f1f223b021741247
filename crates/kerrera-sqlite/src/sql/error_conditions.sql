-- Purpose: parts of other statements: what can be asked of a group of failures, one condition a line.
--          Each ? is a parameter of its own.
-- Locks:   none of their own.
-- Index:   the primary key for fingerprint, that of the time for after.
fingerprint: e.fingerprint = ?
worker: e.worker = ?
after: (e.last_seen, e.fingerprint) < (?, ?)
