-- Fills in finished jobs, as Kerrera leaves them: two days ago, a millisecond apart.
-- Locks: those of an insertion. Index: none is read.
INSERT INTO oban_jobs
    (state, queue, worker, args, attempt, attempted_by, inserted_at, scheduled_at, attempted_at,
     completed_at)
SELECT
    'completed', $1::text, 'KerreraBenchRetained', jsonb_build_object('n', n), 1,
    ARRAY['kerrera_bench.0', '00000000-0000-0000-0000-000000000000', 'k:0000000000000000000000'],
    t.at, t.at, t.at, t.at
FROM generate_series($2::bigint, $3::bigint) AS n
CROSS JOIN LATERAL (
    SELECT timezone('UTC', now()) - interval '2 days' + n * interval '1 millisecond'
) AS t (at)
