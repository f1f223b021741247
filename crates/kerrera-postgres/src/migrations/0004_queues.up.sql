-- What was ordered of queues while nodes run: one row for each queue, node and setting, '*' for all.
-- An order that takes another's place gets a new number, so that the newest is known.
CREATE TABLE {schema}.kerrera_queues (
    id bigserial PRIMARY KEY,
    queue text NOT NULL,
    node text NOT NULL,
    setting text NOT NULL,
    paused boolean,
    "limit" integer,
    running boolean,
    reason text,
    until timestamp,
    by text,
    source text NOT NULL,
    at timestamp NOT NULL,
    UNIQUE (queue, node, setting),
    CONSTRAINT known_setting CHECK (
        (setting = 'paused' AND paused IS NOT NULL)
        OR (setting = 'limit' AND "limit" IS NOT NULL)
        OR (setting = 'running' AND running IS NOT NULL)
    ),
    CONSTRAINT positive_limit CHECK ("limit" > 0)
);
