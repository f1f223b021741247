-- Locks an operation, if it is still held, has not been stopped, and is as far as the caller knows.
-- Locks: its row; waits. Index: the primary key.
SELECT o.failures
FROM {schema}.kerrera_operations AS o
WHERE o.id = $1::bigint AND o.holder = $2::uuid AND o.state = 'running' AND o.reached = $3::bigint
FOR UPDATE
