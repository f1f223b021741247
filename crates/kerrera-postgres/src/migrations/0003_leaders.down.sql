DROP TABLE {schema}.kerrera_leaders;
