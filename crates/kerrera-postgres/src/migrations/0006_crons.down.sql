DROP TABLE {schema}.kerrera_cron_slots;
DROP TABLE {schema}.kerrera_crons;
