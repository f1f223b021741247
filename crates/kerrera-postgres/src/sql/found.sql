-- The jobs of a query, for the planner's word on how many they are; its conditions are filled in.
-- Locks: none. Index: see conditions.sql; nothing is read.
SELECT FROM {schema}.oban_jobs AS j WHERE <conditions> AND $1::bigint IS NULL
