-- A part of manage.sql: the jobs are available, with an attempt left.
    state = 'available',
    max_attempts = greatest(j.max_attempts, j.attempt + 1),
    scheduled_at = (SELECT coalesce(<now>::timestamp, timezone('UTC', clock_timestamp()))),
    completed_at = NULL,
    discarded_at = NULL,
    cancelled_at = NULL
