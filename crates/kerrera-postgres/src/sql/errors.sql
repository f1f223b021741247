-- Groups of failures, those that met one last first; the conditions are filled in.
-- Locks: none. Index: that of the time, backwards, or the primary key; the counts of those that are
-- given by theirs.
SELECT
{counted}
FROM (
    SELECT *
    FROM {schema}.kerrera_errors AS e
    WHERE <conditions>
    ORDER BY e.last_seen DESC, e.fingerprint DESC
    LIMIT $1::bigint
) AS e
LEFT JOIN LATERAL (
    SELECT
        sum(k.count) FILTER (WHERE k.at > <now> - interval '1 hour') AS hour,
        sum(k.count) FILTER (WHERE k.at > <now> - interval '1 day') AS day,
        sum(k.count) AS week
    FROM {schema}.kerrera_error_counts AS k
    WHERE k.fingerprint = e.fingerprint AND k.at > <now> - interval '7 days'
) AS c ON true
ORDER BY e.last_seen DESC, e.fingerprint DESC
