-- Whether this session could change jobs: not on a standby, where transactions only read by default, nor if
-- this user may not.
-- Locks: none. Index: none; reads no table but the catalog, by name.
SELECT NOT pg_is_in_recovery()
    AND NOT current_setting('default_transaction_read_only')::boolean
    AND has_table_privilege('{schema}.oban_jobs', 'UPDATE')
