-- Notes which keys jobs have claimed that this transaction inserted, each under the next turn of its
-- key. Under READ COMMITTED the turns are free, since the keys are locked; a transaction that does not
-- see what was committed before that fails with 40001.
-- Locks: those of an insertion. Index: the primary keys.
INSERT INTO {schema}.kerrera_unique AS u (key, turn, job_id, inserted_at)
SELECT
    n.key,
    coalesce((SELECT max(l.turn) FROM {schema}.kerrera_unique AS l WHERE l.key = n.key), 0)
        + row_number() OVER (PARTITION BY n.key ORDER BY n.id),
    n.id,
    j.inserted_at
FROM jsonb_to_recordset($1::text::jsonb -> 'jobs') AS n (key text, id bigint)
JOIN {schema}.oban_jobs AS j ON j.id = n.id
ON CONFLICT (key, turn) DO NOTHING
RETURNING u.key
