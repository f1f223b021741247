DROP TABLE {schema}.kerrera_unique;
