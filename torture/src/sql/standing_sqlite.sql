-- A part of audit_sqlite.sql: where a job stands. SQLite has no functions of our own to put it in.
json_object(
    'state', {row}.state,
    'by', json({row}.attempted_by),
    'attempt', {row}.attempt,
    'max_attempts', {row}.max_attempts,
    'errors', json_array_length({row}.errors),
    'rescued', coalesce({row}.meta ->> 'rescued', 0),
    'snoozed', coalesce({row}.meta ->> 'snoozed', 0)
)
