-- Tables that another implementation of Oban made are used as they are: nothing that it relies on is
-- changed.
{additions}
CREATE TABLE {schema}.kerrera_schema (
    version integer NOT NULL,
    origin text NOT NULL,
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
INSERT INTO {schema}.kerrera_schema (version, origin) VALUES (1, '{origin}');
