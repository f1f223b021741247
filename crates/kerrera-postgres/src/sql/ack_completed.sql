-- Writes runs that ended well and left nothing else to write: most of them. Gives back nothing if all of
-- them were written, otherwise the numbers of those that were.
-- $3, $4: where another token begins in the list of numbers, which ascends, and that token: those of one
-- claim mostly stand together. So each row is fenced by its own token and few need be sent. To look for
-- pairs in a hash table is slower until every fifth number has another token than the one before it.
-- Locks: the rows, in the order of their numbers. Index: the primary key, or the one of executing rows.
WITH written AS (
    UPDATE {schema}.oban_jobs AS j
    SET
        state = 'completed',
        completed_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
    WHERE j.id = ANY ($2::bigint[])
        AND j.state = 'executing'
        AND j.attempted_by[3] = ($4::text[])[width_bucket(j.id, $3::bigint[])]
    RETURNING j.id
)
SELECT array_agg(w.id) FROM written AS w HAVING count(*) < cardinality($2::bigint[])
