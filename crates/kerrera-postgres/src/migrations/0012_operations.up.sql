-- What is to be done to many jobs, over hours if need be, and how far it is.
CREATE TABLE {schema}.kerrera_operations (
    id bigserial PRIMARY KEY,
    action text NOT NULL,
    query text NOT NULL,
    max_id bigint NOT NULL,
    state text NOT NULL,
    created_by text,
    reason text,
    total bigint,
    total_quality text,
    reached bigint NOT NULL DEFAULT 0,
    done bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    failures text NOT NULL DEFAULT '[]',
    error text,
    holder uuid,
    node text,
    leased_until timestamp,
    created_at timestamp NOT NULL,
    started_at timestamp,
    ended_at timestamp
);
CREATE INDEX kerrera_operations_open_index ON {schema}.kerrera_operations (id)
    WHERE state IN ('waiting', 'running');
