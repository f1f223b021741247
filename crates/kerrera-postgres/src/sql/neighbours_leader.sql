-- A part of another statement: whether another node than this one stands, or stood, in an election of
-- the neighbours.
-- Locks: none. Index: none; the table has a row for each instance name.
 OR EXISTS (SELECT FROM {schema}.{table} AS e WHERE e.node <> ALL (ARRAY(
    SELECT p.node FROM {schema}.kerrera_producers AS p
    UNION ALL
    SELECT l.node FROM {schema}.kerrera_leaders AS l
)))
