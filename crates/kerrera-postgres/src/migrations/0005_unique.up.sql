-- What unique jobs have claimed. A key can have several claims, each with a turn of its own, so that
-- two transactions that do not see each other cannot both take the same. The time of the job's
-- insertion tells it from another that was given its number after a TRUNCATE. There is no foreign key:
-- it would forbid TRUNCATE and DROP to others who use the table of jobs.
CREATE TABLE {schema}.kerrera_unique (
    key text COLLATE "C" NOT NULL,
    turn bigint NOT NULL,
    job_id bigint NOT NULL,
    inserted_at timestamp NOT NULL,
    PRIMARY KEY (key, turn)
);
