-- A part of known_queues.sql: the queues of the neighbours' producers.
-- Locks: none. Index: none; the table has a row for each queue of each node.

    UNION
    SELECT n.queue FROM {schema}.oban_producers AS n
