DROP TABLE {schema}.kerrera_queues;
