DROP TABLE {schema}.kerrera_nodes;
DROP TABLE {schema}.kerrera_workers;
DROP TABLE {schema}.kerrera_metrics;
