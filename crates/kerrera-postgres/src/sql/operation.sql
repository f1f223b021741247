-- An operation by its number. Locks: none. Index: the primary key.
SELECT {operation} FROM {schema}.kerrera_operations AS o WHERE o.id = $1::bigint
