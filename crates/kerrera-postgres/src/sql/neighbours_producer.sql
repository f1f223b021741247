-- A part of another statement: whether a producer is there that is not ours.
-- Locks: none. Index: none; the table has a row for each queue of each process.
 OR EXISTS (SELECT FROM {schema}.oban_producers AS o WHERE o.name <> 'kerrera')
