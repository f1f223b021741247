-- Purpose: groups of failures, in the order that is filled in, with what each met within an hour, a
--          day, a week and the time that is filled in; the conditions are filled in.
-- Locks:   none.
-- Index:   that of the time, backwards, or the primary key; the counts of each by theirs.
SELECT *
FROM (
    SELECT
        fingerprint, worker, message, node, last_job, first_seen, last_seen, total,
        (SELECT coalesce(sum(k.count), 0) FROM kerrera_error_counts AS k
         WHERE k.fingerprint = e.fingerprint AND k.at > <now> - 3600000000) AS hour,
        (SELECT coalesce(sum(k.count), 0) FROM kerrera_error_counts AS k
         WHERE k.fingerprint = e.fingerprint AND k.at > <now> - 86400000000) AS day,
        (SELECT coalesce(sum(k.count), 0) FROM kerrera_error_counts AS k
         WHERE k.fingerprint = e.fingerprint AND k.at > <now> - 604800000000) AS week
    FROM kerrera_errors AS e
    WHERE <conditions>
    ORDER BY last_seen DESC, fingerprint DESC
    LIMIT ?1
)
ORDER BY last_seen DESC, fingerprint DESC
