-- A part of plan_insert.sql: tells the waiting producers, once a queue, when the transaction commits.
CROSS JOIN (
    SELECT count(pg_notify('{channel}', jsonb_build_object('queue', q.queue)::text)) AS queues
    FROM (SELECT DISTINCT queue FROM inserted WHERE state = 'available') AS q
) AS woken
WHERE woken.queues >= 0
