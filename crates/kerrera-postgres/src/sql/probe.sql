-- Describes what is in a schema, as JSON: see schema.rs.
-- Locks: none. Index: the catalog's own.
SELECT jsonb_build_object(
    'server', current_setting('server_version_num')::int,
    'read_only', pg_is_in_recovery(),
    'schema', EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1::text),
    'kerrera_schema', to_regclass(quote_ident($1::text) || '.kerrera_schema') IS NOT NULL,
    'oban_peers', to_regclass(quote_ident($1::text) || '.oban_peers') IS NOT NULL,
    'oban_leaders', to_regclass(quote_ident($1::text) || '.oban_leaders') IS NOT NULL,
    'oban_producers', to_regclass(quote_ident($1::text) || '.oban_producers') IS NOT NULL,
    'jobs', (
        SELECT jsonb_build_object(
            'comment', obj_description(t.oid, 'pg_class'),
            'columns', (
                SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, NULL))
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
            ),
            'state_type', (
                SELECT quote_ident(n.nspname) || '.' || quote_ident(y.typname)
                FROM pg_catalog.pg_attribute AS a
                JOIN pg_catalog.pg_type AS y ON y.oid = a.atttypid AND y.typtype = 'e'
                JOIN pg_catalog.pg_namespace AS n ON n.oid = y.typnamespace
                WHERE a.attrelid = t.oid AND a.attname = 'state'
            ),
            'labels', (
                SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder)
                FROM pg_catalog.pg_attribute AS a
                JOIN pg_catalog.pg_enum AS e ON e.enumtypid = a.atttypid
                WHERE a.attrelid = t.oid AND a.attname = 'state'
            ),
            'compound_index', EXISTS (
                SELECT
                FROM pg_catalog.pg_index AS i
                WHERE i.indrelid = t.oid
                    AND i.indisvalid
                    AND i.indpred IS NULL
                    AND pg_get_indexdef(i.indexrelid)
                        LIKE '%(state, queue, priority, scheduled_at, id)%'
            )
        )
        FROM pg_catalog.pg_class AS t
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        WHERE n.nspname = $1::text AND t.relname = 'oban_jobs' AND t.relkind IN ('r', 'p')
    )
)::text
