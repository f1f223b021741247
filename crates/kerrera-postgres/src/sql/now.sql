-- What time it is. Locks: none. Index: none.
SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
