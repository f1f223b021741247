DO $$
BEGIN
    IF (SELECT origin = 'kerrera' FROM {schema}.kerrera_schema) THEN
        ALTER TABLE {schema}.oban_jobs RESET (
            autovacuum_vacuum_scale_factor,
            autovacuum_vacuum_threshold,
            autovacuum_analyze_scale_factor,
            autovacuum_analyze_threshold,
            autovacuum_vacuum_cost_delay,
            autovacuum_vacuum_cost_limit
        );
    END IF;
END
$$;
