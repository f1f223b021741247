-- The application's tables, in a schema of the demonstration; what an earlier run left goes away.
-- Locks: the dropped and the new tables. Index: none is read.
DROP SCHEMA IF EXISTS kerrera_demo CASCADE;
CREATE SCHEMA kerrera_demo;

CREATE TABLE kerrera_demo.users (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    email      text NOT NULL UNIQUE,
    request_id text NOT NULL UNIQUE,
    greeted    boolean NOT NULL DEFAULT FALSE
);

-- Codes with which a few can sign up.
CREATE TABLE kerrera_demo.invitations (
    code   text PRIMARY KEY,
    places bigint NOT NULL CHECK (places >= 0)
);

CREATE TABLE kerrera_demo.analytics (
    key     text PRIMARY KEY,
    event   text NOT NULL,
    user_id bigint NOT NULL
);

CREATE TABLE kerrera_demo.airports (
    iata      text PRIMARY KEY,
    name      text NOT NULL,
    city      text NOT NULL,
    state     text NOT NULL,
    country   text NOT NULL,
    latitude  double precision NOT NULL,
    longitude double precision NOT NULL,
    geohash   text NOT NULL,
    -- Which import wrote it.
    sheet     bigint NOT NULL
);
