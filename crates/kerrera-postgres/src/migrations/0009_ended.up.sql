-- Jobs that were given up or cancelled are rare among those that ended, and the ones that people look for.
-- A job that completes, as nearly all do, pays nothing for these: it is in neither, and its row could not
-- be updated in place before either, since its state stands in the conditions of the other indexes.
-- Tables that others made have what their owners chose.
DO $$
BEGIN
    IF (SELECT origin = 'kerrera' FROM {schema}.kerrera_schema) THEN
        CREATE INDEX kerrera_jobs_discarded_index
            ON {schema}.oban_jobs (discarded_at, id) INCLUDE (queue) WHERE state = 'discarded';
        CREATE INDEX kerrera_jobs_cancelled_index
            ON {schema}.oban_jobs (cancelled_at, id) INCLUDE (queue) WHERE state = 'cancelled';
    END IF;
END
$$;
