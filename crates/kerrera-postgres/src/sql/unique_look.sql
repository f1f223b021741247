-- Looks, for each of some unique jobs, for the oldest that counts as the same: among those that hold
-- a claim of its key, and, where others than Kerrera insert, among all, as Oban does it.
-- Locks: none; the keys are locked. Index: the primary keys; among all jobs, Oban's own.
WITH given AS MATERIALIZED (
    SELECT
        g.document -> 'jobs' AS jobs,
        coalesce(
            (g.document ->> 'now_us')::bigint,
            (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
        ) AS now_us
    FROM (SELECT $1::text::jsonb AS document) AS g
),
asked AS MATERIALIZED (
    SELECT
        n.*,
        (SELECT now_us FROM given) AS now_us,
        -- A schema of somebody else's may lack a state.
        ARRAY(
            SELECT s.name::{state}
            FROM unnest(n.states) AS s (name)
            WHERE s.name = ANY (enum_range(NULL::{state})::text[])
        ) AS counting,
        CASE
            WHEN n.period_us IS NULL THEN '-infinity'::timestamp
            ELSE timestamp 'epoch'
                + interval '1 second' * (((SELECT now_us FROM given) - n.period_us) / 1000000)
                + interval '1 microsecond' * (((SELECT now_us FROM given) - n.period_us) % 1000000)
        END AS since
    FROM jsonb_to_recordset((SELECT jobs FROM given)) AS n (
        place int, key text, states text[], period_us bigint, timestamp text, worker text,
        queue text, args jsonb, all_args bool, meta jsonb, all_meta bool
    )
)
SELECT
    json_build_object(
        'place', a.place, 'now_us', a.now_us,
        'job', CASE WHEN same.id IS NOT NULL THEN row_to_json(same) END
    )::text
FROM asked AS a
LEFT JOIN LATERAL (
    SELECT c.*
    FROM (
        SELECT j.*
        FROM {schema}.kerrera_unique AS u
        JOIN {schema}.oban_jobs AS j ON j.id = u.job_id AND j.inserted_at = u.inserted_at
        WHERE u.key = a.key
        UNION ALL
        SELECT j.*
        FROM {schema}.oban_jobs AS j
        WHERE {neighbours}
            AND j.state = ANY (a.counting)
            AND (a.worker IS NULL OR j.worker = a.worker)
            AND (a.queue IS NULL OR j.queue = a.queue)
            AND j.args @> coalesce(a.args, '{}')
            AND (NOT a.all_args OR j.args <@ a.args)
            AND (a.meta IS NULL OR j.meta @> a.meta)
            AND (NOT a.all_meta OR j.meta <@ a.meta)
    ) AS c
    WHERE c.state = ANY (a.counting)
        AND CASE a.timestamp WHEN 'scheduled_at' THEN c.scheduled_at ELSE c.inserted_at END
            >= a.since
    ORDER BY c.id
    LIMIT 1
) AS same ON true
ORDER BY a.place
