-- Never run, only prepared: to learn the types of the columns that bulk.sql fills.
SELECT {columns} FROM {schema}.oban_jobs
