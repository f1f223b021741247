-- Oban's tables as its own migration 14 leaves them, and our book of migrations.
{create_schema}
CREATE TYPE {schema}.oban_job_state AS ENUM (
    'available', 'suspended', 'scheduled', 'executing', 'retryable', 'completed', 'discarded',
    'cancelled'
);

CREATE TABLE {schema}.oban_jobs (
    id bigserial PRIMARY KEY,
    state {schema}.oban_job_state NOT NULL DEFAULT 'available',
    queue text NOT NULL DEFAULT 'default',
    worker text NOT NULL,
    args jsonb NOT NULL DEFAULT '{}',
    errors jsonb[] NOT NULL DEFAULT ARRAY[]::jsonb[],
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL DEFAULT 20,
    inserted_at timestamp NOT NULL DEFAULT timezone('UTC', now()),
    scheduled_at timestamp NOT NULL DEFAULT timezone('UTC', now()),
    attempted_at timestamp,
    completed_at timestamp,
    attempted_by text[],
    discarded_at timestamp,
    priority integer NOT NULL DEFAULT 0,
    tags text[] DEFAULT ARRAY[]::text[],
    meta jsonb DEFAULT '{}',
    cancelled_at timestamp,
    CONSTRAINT worker_length CHECK (char_length(worker) > 0 AND char_length(worker) < 128),
    CONSTRAINT queue_length CHECK (char_length(queue) > 0 AND char_length(queue) < 128),
    CONSTRAINT positive_max_attempts CHECK (max_attempts > 0),
    CONSTRAINT attempt_range CHECK (attempt BETWEEN 0 AND max_attempts),
    CONSTRAINT non_negative_priority CHECK (priority >= 0)
);

-- The one place in which Oban keeps its version.
COMMENT ON TABLE {schema}.oban_jobs IS '14';

-- Small ones instead of Oban's large one: an entry is there only while it is of use.
CREATE INDEX kerrera_jobs_available_index
    ON {schema}.oban_jobs (queue, priority, scheduled_at, id) WHERE state = 'available';
CREATE INDEX kerrera_jobs_due_index
    ON {schema}.oban_jobs (scheduled_at, id) WHERE state IN ('scheduled', 'retryable');
CREATE INDEX kerrera_jobs_executing_index
    ON {schema}.oban_jobs (id) WHERE state = 'executing';

CREATE UNLOGGED TABLE {schema}.oban_peers (
    name text PRIMARY KEY,
    node text NOT NULL,
    started_at timestamp NOT NULL,
    expires_at timestamp NOT NULL
);

CREATE TABLE {schema}.kerrera_schema (
    version integer NOT NULL,
    origin text NOT NULL,
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
INSERT INTO {schema}.kerrera_schema (version, origin) VALUES (1, 'kerrera');
