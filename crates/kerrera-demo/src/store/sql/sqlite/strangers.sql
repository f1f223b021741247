-- How much in the file is not Kerrera's empty tables.
-- Locks: none. Index: none.
SELECT
    (SELECT count(*) FROM oban_jobs)
    + (
        SELECT count(*) FROM sqlite_schema
        WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
          AND name NOT LIKE 'kerrera\_%' ESCAPE '\' AND name <> 'oban_jobs'
    )
