-- The jobs of a query; its conditions and its order are filled in.
-- Locks: none. Index: see conditions.sql; an order by number is that of the primary key.
SELECT {job}
FROM {schema}.oban_jobs AS j
WHERE <conditions>
ORDER BY <order>
LIMIT $1::bigint
