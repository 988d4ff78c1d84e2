-- name: insert_key
-- A new key, unless its name was ever given before.
INSERT INTO api_keys (name, role, digest, prefix) VALUES (%(name)s, %(role)s, %(digest)s, %(prefix)s)
ON CONFLICT (name) DO NOTHING
RETURNING name;

-- name: list_keys
-- Every key that was ever made, without what would let anyone use it.
SELECT name, role, prefix, created_at, last_used_at, revoked_at FROM api_keys ORDER BY created_at, name;

-- name: revoke_key
-- From now on the key is refused; revoking twice keeps the first time.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE name = %(name)s RETURNING name;

-- name: active_keys
-- What web holds a sent key against.
SELECT name, role, digest FROM api_keys WHERE revoked_at IS NULL ORDER BY name;

-- name: any_key_ever
-- Whether a key was ever made: from then on the server is no longer open.
SELECT EXISTS (SELECT FROM api_keys);

-- name: session_secret
-- What browser sessions are signed with where SECRET_KEY isn't set.
SELECT secret FROM session_secret;

-- name: mark_keys_used
-- Note to the hour that keys were used; most calls write nothing.
UPDATE api_keys SET last_used_at = date_trunc('hour', now())
WHERE name = ANY(%(names)s::text[]) AND (last_used_at IS NULL OR last_used_at < date_trunc('hour', now()));
