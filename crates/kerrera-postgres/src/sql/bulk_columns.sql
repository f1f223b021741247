-- Never run, only prepared: to learn the types of the columns that bulk.sql fills.
SELECT state, queue, worker, args, meta, tags, priority, max_attempts, inserted_at, scheduled_at
FROM {schema}.oban_jobs
