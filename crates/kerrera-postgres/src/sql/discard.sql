-- A part of manage.sql: the jobs are given up for good.
    state = 'discarded',
    discarded_at = (SELECT coalesce(<now>::timestamp, timezone('UTC', clock_timestamp())))
