-- Removes groups of failures that have met none for long, and counts that are no longer kept, while the
-- seat is held.
-- Locks: the rows that it removes. Index: those of the times.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
forgotten AS (
    DELETE FROM {schema}.kerrera_errors AS e
    WHERE e.fingerprint = ANY (ARRAY(
            SELECT o.fingerprint
            FROM {schema}.kerrera_errors AS o
            WHERE o.last_seen < (SELECT at FROM now) - interval '1 microsecond' * $5::bigint AND {seat}
            ORDER BY o.last_seen
            LIMIT $7::bigint
        ))
        -- Once more: it may have met one since.
        AND e.last_seen < (SELECT at FROM now) - interval '1 microsecond' * $5::bigint
    RETURNING e.fingerprint
),
old AS MATERIALIZED (
    SELECT k.fingerprint, k.at
    FROM {schema}.kerrera_error_counts AS k
    WHERE k.at < (SELECT at FROM now) - interval '1 microsecond' * $6::bigint AND {seat}
    ORDER BY k.at
    LIMIT $7::bigint
),
uncounted AS (
    DELETE FROM {schema}.kerrera_error_counts AS k
    USING old AS o
    WHERE k.fingerprint = o.fingerprint AND k.at = o.at
    RETURNING k.at
)
SELECT (SELECT count(*) FROM forgotten) + (SELECT count(*) FROM uncounted)
