-- Parts of other statements: what can be asked of a group of failures, one condition a line. Each $? is
-- a parameter of its own.
-- Index: the primary key for fingerprint, that of the time for after.
fingerprint: e.fingerprint = $?::text
worker: e.worker = $?::text
after: (e.last_seen, e.fingerprint) < ($?::timestamp, $?::text)
