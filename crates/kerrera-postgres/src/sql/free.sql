-- A part of rescue.sql and rescue_foreign.sql: frees the jobs whose runs failed, each with the element
-- for its errors. Those without an attempt left are discarded.
UPDATE {schema}.oban_jobs AS j
SET
    state = CASE
        WHEN j.attempt < j.max_attempts THEN 'available' ELSE 'discarded'
    END::{state},
    discarded_at = CASE
        WHEN j.attempt < j.max_attempts THEN j.discarded_at ELSE (SELECT at FROM now)
    END,
    errors = CASE WHEN j.attempt < j.max_attempts THEN j.errors ELSE {errors} END,
    meta = CASE WHEN jsonb_typeof(j.meta) = 'object' THEN j.meta ELSE '{}' END
        || jsonb_build_object('{rescued}', 1 + CASE
            WHEN jsonb_typeof(j.meta -> '{rescued}') = 'number'
                THEN (j.meta ->> '{rescued}')::numeric
            ELSE 0
        END)
FROM failed AS a
WHERE j.id = ANY (ARRAY(SELECT f.id FROM failed AS f)) AND j.id = a.id
RETURNING j.id, j.queue, j.state::text
