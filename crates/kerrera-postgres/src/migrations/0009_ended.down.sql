DROP INDEX IF EXISTS {schema}.kerrera_jobs_cancelled_index;
DROP INDEX IF EXISTS {schema}.kerrera_jobs_discarded_index;
