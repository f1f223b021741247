-- Groups of failures, those that met most within some time first; the conditions are filled in.
-- Locks: none. Index: that of the counts' time; then the primary keys.
WITH frequent AS MATERIALIZED (
    SELECT k.fingerprint, sum(k.count) AS count
    FROM {schema}.kerrera_error_counts AS k
    WHERE k.at > <now> - interval '1 microsecond' * <window>
    GROUP BY k.fingerprint
),
picked AS MATERIALIZED (
    SELECT e.*, f.count
    FROM frequent AS f
    JOIN {schema}.kerrera_errors AS e ON e.fingerprint = f.fingerprint
    WHERE <conditions>
    ORDER BY f.count DESC, e.fingerprint
    LIMIT $1::bigint
)
SELECT
{counted}
FROM picked AS e
LEFT JOIN LATERAL (
    SELECT
        sum(k.count) FILTER (WHERE k.at > <now> - interval '1 hour') AS hour,
        sum(k.count) FILTER (WHERE k.at > <now> - interval '1 day') AS day,
        sum(k.count) AS week
    FROM {schema}.kerrera_error_counts AS k
    WHERE k.fingerprint = e.fingerprint AND k.at > <now> - interval '7 days'
) AS c ON true
ORDER BY e.count DESC, e.fingerprint
