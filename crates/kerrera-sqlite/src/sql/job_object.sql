-- Purpose: a part of other statements: a job as a JSON object.
json_object(
    'id', oban_jobs.id,
    'state', oban_jobs.state,
    'queue', oban_jobs.queue,
    'worker', oban_jobs.worker,
    'args', json(oban_jobs.args),
    'meta', json(oban_jobs.meta),
    'tags', json(oban_jobs.tags),
    'errors', json(oban_jobs.errors),
    'attempt', oban_jobs.attempt,
    'max_attempts', oban_jobs.max_attempts,
    'priority', oban_jobs.priority,
    'attempted_by', json(oban_jobs.attempted_by),
    'inserted_at', oban_jobs.inserted_at,
    'scheduled_at', oban_jobs.scheduled_at,
    'attempted_at', oban_jobs.attempted_at,
    'completed_at', oban_jobs.completed_at,
    'discarded_at', oban_jobs.discarded_at,
    'cancelled_at', oban_jobs.cancelled_at
)
