-- A part of other statements: whether the seat is still held under this term.
EXISTS (
    SELECT
    FROM {schema}.kerrera_leaders AS l
    WHERE l.name = $2::text
        AND l.holder = $3::uuid
        AND l.term = $4::bigint
        AND l.expires_at > (SELECT at FROM now)
)
