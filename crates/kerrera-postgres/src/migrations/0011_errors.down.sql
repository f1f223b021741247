DROP TABLE {schema}.kerrera_error_counts;
DROP TABLE {schema}.kerrera_errors;
