-- Failures that are alike, and in which ten minutes how many of them were met.
CREATE TABLE {schema}.kerrera_errors (
    fingerprint text PRIMARY KEY,
    worker text NOT NULL,
    message text NOT NULL,
    node text NOT NULL,
    last_job bigint NOT NULL,
    first_seen timestamp NOT NULL,
    last_seen timestamp NOT NULL,
    total bigint NOT NULL
);
CREATE INDEX kerrera_errors_seen_index ON {schema}.kerrera_errors (last_seen, fingerprint);
CREATE TABLE {schema}.kerrera_error_counts (
    fingerprint text NOT NULL,
    at timestamp NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (fingerprint, at)
);
CREATE INDEX kerrera_error_counts_at_index ON {schema}.kerrera_error_counts (at);
