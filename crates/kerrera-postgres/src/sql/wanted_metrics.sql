-- A part of another statement: marks, and rows of runs or of queues.
(
    m.queue = '' OR (
        (m.worker <> '') = $6::boolean
        AND ($7::text IS NULL OR m.queue = $7::text)
        AND ($8::text IS NULL OR m.worker = $8::text)
    )
)
