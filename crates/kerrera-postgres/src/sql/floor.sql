-- A part of claim.sql: where to begin to look, so that the index entries of finished jobs that no
-- vacuum could remove yet are not walked again. A condition of the index.
AND (a.priority, a.scheduled_at, a.id) >= ($7::int, $8::timestamp, $9::bigint)
