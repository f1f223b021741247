-- A part of manage.sql: the jobs are not to run, or to stop.
    state = 'cancelled',
    cancelled_at = (SELECT coalesce(<now>::timestamp, timezone('UTC', clock_timestamp())))
