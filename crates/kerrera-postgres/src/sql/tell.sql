-- Tells every process that listens, on several channels, in this order.
-- Locks: the one under which notifications are queued, while this commits. Index: none.
SELECT count(pg_notify(t.channel, t.payload))
FROM unnest($1::text[], $2::text[]) AS t (channel, payload)
