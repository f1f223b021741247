-- Locks the keys of unique jobs to the end of the transaction. The parameter is a list of pairs in the
-- order in which they are to be locked: a number, and whether the lock is one that others may share.
-- Locks: those, which have nothing to do with rows. Index: none.
SELECT ''::text
FROM (
    SELECT (l.pair ->> 0)::bigint AS number, (l.pair ->> 1)::bool AS shared
    FROM jsonb_array_elements($1::text::jsonb) WITH ORDINALITY AS l (pair, place)
    ORDER BY l.place
    -- Keeps the order.
    OFFSET 0
) AS k
CROSS JOIN LATERAL (
    SELECT pg_advisory_xact_lock_shared(k.number) WHERE k.shared
    UNION ALL
    SELECT pg_advisory_xact_lock(k.number) WHERE NOT k.shared
) AS locked
