-- name: server_facts
-- What the server is, how it keeps what was committed, what time it has, and how large the database is.
SELECT current_setting('server_version'), current_setting('server_version_num')::integer / 10000,
       current_setting('fsync') = 'on', current_setting('synchronous_commit') <> 'off',
       current_setting('full_page_writes') = 'on', pg_is_in_recovery(), clock_timestamp(),
       pg_database_size(current_database());
