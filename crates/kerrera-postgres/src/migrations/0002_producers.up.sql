-- Who works which queue, and when each was seen last. Room is left in its pages, and seen_at has no
-- index, so that a beat stays where it is.
CREATE TABLE {schema}.kerrera_producers (
    uuid uuid PRIMARY KEY,
    name text NOT NULL,
    node text NOT NULL,
    queue text NOT NULL,
    presence integer,
    started_at timestamp NOT NULL,
    seen_at timestamp NOT NULL,
    meta jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
