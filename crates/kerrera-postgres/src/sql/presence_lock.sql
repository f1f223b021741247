-- Takes a lock that the server frees when this session ends, however it ends: what shows others that
-- this process is there.
-- Locks: the advisory lock (class, key). Index: none.
SELECT pg_try_advisory_lock($1::int, $2::int)
