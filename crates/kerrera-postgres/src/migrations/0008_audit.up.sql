-- Who did what. Rows are added in the transaction of what they tell, never changed, and removed when
-- they are old. What stood before and stands since is text, for it is never asked for.
CREATE TABLE {schema}.kerrera_audit (
    id bigserial PRIMARY KEY,
    at timestamp NOT NULL,
    instance text NOT NULL,
    actor_id text NOT NULL,
    actor_label text NOT NULL,
    via text NOT NULL,
    action text NOT NULL,
    target_type text NOT NULL,
    target text NOT NULL,
    jobs bigint[] NOT NULL,
    count bigint NOT NULL,
    before text,
    after text,
    reason text,
    request_id text,
    remote_ip text,
    outcome text NOT NULL,
    error text
);
CREATE INDEX kerrera_audit_actor_index ON {schema}.kerrera_audit (actor_id, id);
CREATE INDEX kerrera_audit_target_index ON {schema}.kerrera_audit (target_type, target, id)
    -- A long query is no name to be looked for, and would not fit an index.
    WHERE length(target) <= 200;
CREATE INDEX kerrera_audit_jobs_index ON {schema}.kerrera_audit USING gin (jobs);
