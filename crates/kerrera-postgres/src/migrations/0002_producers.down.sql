DROP TABLE {schema}.kerrera_producers;

UPDATE {schema}.kerrera_schema SET version = 1;
