-- Jobs are updated twice and deleted once, so their table is vacuumed far more often than the server's
-- settings for all tables would have it. A table that others made keeps theirs.
DO $$
BEGIN
    IF (SELECT origin = 'kerrera' FROM {schema}.kerrera_schema) THEN
        ALTER TABLE {schema}.oban_jobs SET (
            autovacuum_vacuum_scale_factor = 0.02,
            autovacuum_vacuum_threshold = 1000,
            autovacuum_analyze_scale_factor = 0.02,
            autovacuum_analyze_threshold = 1000,
            autovacuum_vacuum_cost_delay = 1,
            autovacuum_vacuum_cost_limit = 2000
        );
    END IF;
END
$$;
