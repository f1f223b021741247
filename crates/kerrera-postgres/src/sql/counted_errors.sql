-- A part of other statements: the columns of a group e, and what it met in an hour, a day and a week.
    e.fingerprint, e.worker, e.message, e.node, e.last_job, e.first_seen, e.last_seen, e.total,
    coalesce(c.hour, 0)::bigint, coalesce(c.day, 0)::bigint, coalesce(c.week, 0)::bigint
