-- Takes very many jobs at once. Locks: those of an insertion. Index: none is read.
COPY {schema}.oban_jobs
    (state, queue, worker, args, meta, tags, priority, max_attempts, inserted_at, scheduled_at)
FROM STDIN (FORMAT binary)
