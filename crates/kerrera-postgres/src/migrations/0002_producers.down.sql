DROP TABLE {schema}.kerrera_producers;
