-- A table as it is after months: nearly all is done, one queue has most of it, some wait and some failed.
-- $1: how many jobs. Errors only where a job has failed, as an engine writes them.
INSERT INTO oban_jobs
    (state, queue, worker, args, meta, tags, errors, attempt, max_attempts, priority, inserted_at,
     scheduled_at, attempted_at, attempted_by, completed_at, cancelled_at, discarded_at)
SELECT
    s.state::oban_job_state,
    CASE WHEN n % 10 < 6 THEN 'hot' ELSE 'queue_' || n % 19 END,
    CASE WHEN n % 10 < 6 THEN 'SendMail' ELSE 'Worker' || n % 37 END,
    jsonb_build_object('user', jsonb_build_object('id', n % 50000), 'note', repeat('x', (n % 200)::int)),
    '{}',
    CASE WHEN n % 50 = 0 THEN ARRAY['vip'] ELSE ARRAY[]::text[] END,
    CASE WHEN s.state IN ('retryable', 'discarded') THEN ARRAY[jsonb_build_object(
        'at', timezone('UTC', now()), 'attempt', 1, 'k_node', 'web-1', 'k_ms', 12,
        'error', 'timed out after ' || n || ' ms: ' || 'Worker' || n % 37)]
    ELSE ARRAY[]::jsonb[] END,
    CASE WHEN s.state IN ('available', 'scheduled') THEN 0 ELSE 1 END,
    20, 0,
    t.at, t.at,
    CASE WHEN s.state IN ('available', 'scheduled') THEN NULL ELSE t.at + interval '1 second' END,
    CASE WHEN s.state IN ('available', 'scheduled') THEN NULL
        ELSE ARRAY['web-1', '00000000-0000-0000-0000-000000000000'] END,
    CASE WHEN s.state = 'completed' THEN t.at + interval '2 seconds' END,
    CASE WHEN s.state = 'cancelled' THEN t.at + interval '2 seconds' END,
    CASE WHEN s.state = 'discarded' THEN t.at + interval '2 seconds' END
FROM generate_series(1, $1::bigint) AS n
CROSS JOIN LATERAL (SELECT timezone('UTC', now()) - interval '1 second' * (($1 - n) * 0.6) AS at) AS t
CROSS JOIN LATERAL (SELECT CASE
    WHEN n % 1000 < 950 THEN 'completed'
    WHEN n % 1000 < 965 THEN 'available'
    WHEN n % 1000 < 975 THEN 'scheduled'
    WHEN n % 1000 < 985 THEN 'retryable'
    WHEN n % 1000 < 990 THEN 'cancelled'
    ELSE 'discarded' END AS state) AS s
