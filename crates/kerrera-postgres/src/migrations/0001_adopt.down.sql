-- Leaves the jobs to whoever made their table.
DROP INDEX IF EXISTS {schema}.kerrera_jobs_executing_index;
DROP INDEX IF EXISTS {schema}.kerrera_jobs_due_index;
DROP INDEX IF EXISTS {schema}.kerrera_jobs_available_index;
DROP TABLE {schema}.kerrera_schema;
