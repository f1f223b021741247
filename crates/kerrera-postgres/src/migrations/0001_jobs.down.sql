-- Removes the jobs, all of them.
DROP TABLE {schema}.kerrera_schema;
DROP TABLE {schema}.oban_peers;
DROP TABLE {schema}.oban_jobs;
DROP TYPE {schema}.oban_job_state;
