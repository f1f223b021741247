-- Who leads. A row stays when nobody does, so that terms only grow.
CREATE TABLE {schema}.kerrera_leaders (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    node text NOT NULL,
    term bigint NOT NULL,
    elected_at timestamp NOT NULL,
    expires_at timestamp NOT NULL
) WITH (fillfactor = 50);
