-- Tells every process that listens.
-- Locks: the one under which notifications are queued, while this commits. Index: none.
SELECT pg_notify($1::text, p.payload) FROM unnest($2::text[]) AS p (payload)
