-- What else there is after months: groups of failures with their ten minutes of a week, and a log of who did what.
-- $1: how many groups; ten times as many ten minutes, twenty times as many entries.
WITH groups AS (
    INSERT INTO kerrera_errors (fingerprint, worker, message, node, last_job, first_seen, last_seen, total)
    SELECT
        lpad(to_hex(n * 2654435761), 16, '0'), 'Worker' || n % 37, 'timed out after # ms: case ' || n, 'web-1',
        1 + n * 97 % 1000000, timezone('UTC', now()) - interval '30 days',
        timezone('UTC', now()) - interval '1 second' * (n * 60), 10
    FROM generate_series(1, $1::bigint) AS n
), counts AS (
    INSERT INTO kerrera_error_counts (fingerprint, at, count)
    SELECT
        lpad(to_hex(n * 2654435761), 16, '0'),
        date_bin('10 minutes', timezone('UTC', now()), '2000-01-01') - interval '10 minutes' * (ago * 97 + n % 97), 1
    FROM generate_series(1, $1::bigint) AS n, generate_series(0, 9) AS ago
)
INSERT INTO kerrera_audit
    (at, instance, actor_id, actor_label, via, action, target_type, target, jobs, count, outcome)
SELECT
    timezone('UTC', now()) - interval '1 second' * (20 * $1::bigint - n), 'main', 'user-' || n % 20, 'User ' || n % 20,
    'web', (ARRAY['job.retry', 'job.cancel', 'queue.pause', 'queue.resume', 'cron.run'])[1 + n % 5], 'job', n::text,
    ARRAY[n], 1, 'done'
FROM generate_series(1, 20 * $1::bigint) AS n
