-- How many jobs a query has, up to its limit; its conditions and, where no index of a state has all of
-- them, an order are filled in.
-- Locks: none. Index: see conditions.sql; or the primary key, which is walked until there are enough.
SELECT count(*)
FROM (SELECT FROM {schema}.oban_jobs AS j WHERE <conditions> <order> LIMIT $1::bigint) AS found
