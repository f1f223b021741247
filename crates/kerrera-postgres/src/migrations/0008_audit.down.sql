DROP TABLE {schema}.kerrera_audit;
