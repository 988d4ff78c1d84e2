-- What a role needs to run web and workers: rows, no tables. `python -m db.roles NAME` fills in the names.
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role};
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
-- Clearing all data is an admin's request like others.
GRANT TRUNCATE ON cryptocurrencies, redirects, source_mappings, quotes, price_history TO {role};
-- Who breaks into web may not let themselves in for good, nor tell a release that the schema is another.
REVOKE INSERT, UPDATE, DELETE ON api_keys, session_secret, schema_migrations FROM {role};
GRANT UPDATE (last_used_at) ON api_keys TO {role};
-- Tables of later migrations, which the same owner runs.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
