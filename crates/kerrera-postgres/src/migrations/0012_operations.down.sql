DROP TABLE {schema}.kerrera_operations;
