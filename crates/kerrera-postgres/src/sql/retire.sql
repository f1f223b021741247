-- Removes producers that stop in good order. One that still runs jobs stays, so that these keep their
-- claims: it claims no more and beats no more, and is dead when its process's lock is free. Where no
-- lock is to be had (behind a pooler) it dies of silence.
-- Locks: the producers' rows. Index: the primary key; kerrera_jobs_executing_index for the jobs.
WITH busy AS MATERIALIZED (
    SELECT DISTINCT j.attempted_by[2] AS uuid
    FROM {schema}.oban_jobs AS j
    WHERE j.state = 'executing' AND j.attempted_by[2] = ANY ($1::uuid[]::text[])
),
kept AS (
    UPDATE {schema}.kerrera_producers AS p
    SET seen_at = CASE WHEN p.presence IS NULL THEN p.seen_at ELSE 'infinity' END
    WHERE p.uuid = ANY ($1::uuid[]) AND p.uuid::text IN (SELECT b.uuid FROM busy AS b)
    RETURNING p.uuid
),
gone AS (
    DELETE FROM {schema}.kerrera_producers AS p
    WHERE p.uuid = ANY ($1::uuid[]) AND p.uuid::text NOT IN (SELECT b.uuid FROM busy AS b)
)
SELECT k.uuid FROM kept AS k
