-- Purpose: groups of failures, those that met most within some time first; the conditions are filled
--          in.
-- Locks:   none.
-- Index:   that of the counts' time; then the primary keys.
SELECT
    fingerprint, worker, message, node, last_job, first_seen, last_seen, total,
    (SELECT coalesce(sum(k.count), 0) FROM kerrera_error_counts AS k
     WHERE k.fingerprint = e.fingerprint AND k.at > <now> - 3600000000) AS hour,
    (SELECT coalesce(sum(k.count), 0) FROM kerrera_error_counts AS k
     WHERE k.fingerprint = e.fingerprint AND k.at > <now> - 86400000000) AS day,
    (SELECT coalesce(sum(k.count), 0) FROM kerrera_error_counts AS k
     WHERE k.fingerprint = e.fingerprint AND k.at > <now> - 604800000000) AS week
FROM (
    SELECT e.*, f.met
    FROM (
        SELECT k.fingerprint AS print, sum(k.count) AS met
        FROM kerrera_error_counts AS k
        WHERE k.at > <now> - <window>
        GROUP BY k.fingerprint
    ) AS f
    JOIN kerrera_errors AS e ON e.fingerprint = f.print
    WHERE <conditions>
    ORDER BY f.met DESC, e.fingerprint
    LIMIT ?1
) AS e
ORDER BY e.met DESC, e.fingerprint
