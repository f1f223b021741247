-- Jobs at times of the clock. "declared" is the shape in which a program last brought an entry; what a
-- person edited stays until that is another.
CREATE TABLE {schema}.kerrera_crons (
    name text PRIMARY KEY,
    expression text NOT NULL,
    timezone text NOT NULL,
    job jsonb NOT NULL,
    misfire text NOT NULL,
    overlap text NOT NULL,
    declared text NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    begins_at timestamp NOT NULL,
    forgotten_to timestamp,
    last_job bigint,
    inserted_at timestamp NOT NULL,
    updated_at timestamp NOT NULL
);

-- Slots that were fired: the key keeps one from being fired twice. Without a job, it would have
-- overlapped with the one before.
CREATE TABLE {schema}.kerrera_cron_slots (
    name text NOT NULL,
    slot timestamp NOT NULL,
    job_id bigint,
    node text NOT NULL,
    fired_at timestamp NOT NULL,
    PRIMARY KEY (name, slot)
);
