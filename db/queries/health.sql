-- name: has_schema
-- Whether any migration has ever run here.
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: schema_version
-- The last migration that ran.
SELECT coalesce(max(number), 0) FROM schema_migrations;
