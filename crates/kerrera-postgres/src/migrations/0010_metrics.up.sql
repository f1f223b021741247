-- What became of runs over time, and how full queues were. A fresh row (tier 0) is a minute of one
-- process, which writes it again every ten seconds while the minute lasts; the leader packs older
-- ones: an hour of minutes (1), a day of hours (2), a day (3). What is in "cells" is told in
-- kerrera-core's metrics/cells.rs. Room is left in the pages for the fresh rows.
CREATE TABLE {schema}.kerrera_metrics (
    tier integer NOT NULL,
    at timestamp NOT NULL,
    queue text NOT NULL,
    worker text NOT NULL,
    source uuid NOT NULL,
    cells bytea NOT NULL,
    PRIMARY KEY (tier, at, queue, worker, source)
) WITH (fillfactor = 70);

-- The workers that nodes have registered, as the node that started last described them. A card is JSON.
CREATE TABLE {schema}.kerrera_workers (
    worker text PRIMARY KEY,
    node text NOT NULL,
    card text NOT NULL,
    first_seen timestamp NOT NULL,
    seen_at timestamp NOT NULL
);

-- What nodes say about themselves, every now and then. A card is JSON.
CREATE TABLE {schema}.kerrera_nodes (
    process uuid PRIMARY KEY,
    node text NOT NULL,
    card text NOT NULL,
    started_at timestamp NOT NULL,
    seen_at timestamp NOT NULL
) WITH (fillfactor = 50);
