-- A part of other statements: whether a job that still carries the token of its run (j) was taken from
-- it by a neighbour, for having run too long.
--
-- Neighbours make such a job available, and leave when it was due; on its last attempt they discard
-- it; of why they say nothing. What looks like that and is none:
--   * a run of ours that was written to be tried again, or snoozed, and whose time has come: it was due
--     after its attempt had begun, and so is what a person has retried. Taken back, the end of that run
--     would be written twice, or the retry would be lost.
--   * what has an error of this attempt: its run has ended, or another worker's word came late.
--   * what is discarded with attempts left: never for its age.
--   * what our own rescue freed: the producer is gone, declared dead, and others may have been told.
-- Locks: none. Index: none; the table of producers has a row for each queue of each process, and is
-- looked at for such a job alone.
(
    (j.state = 'available' AND j.scheduled_at < j.attempted_at)
    OR (j.state = 'discarded' AND j.attempt >= j.max_attempts)
)
AND NOT EXISTS (
    SELECT
    FROM jsonb_array_elements(
        CASE
            WHEN jsonb_typeof(to_jsonb(j.errors)) = 'array' THEN to_jsonb(j.errors)
            ELSE '[]'
        END
    ) AS said (element)
    WHERE said.element ->> 'attempt' = j.attempt::text
)
AND EXISTS (
    SELECT FROM {schema}.kerrera_producers AS o WHERE o.uuid::text = j.attempted_by[2]
)
