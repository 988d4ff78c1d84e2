-- Keys made by hand, beside those of the environment, and the secret that browser sessions are signed with.

CREATE TABLE api_keys (
    name         text PRIMARY KEY CHECK (name <> ''),
    role         text NOT NULL CHECK (role IN ('read', 'ingest', 'admin')),
    -- SHA-256 of the key: it is 256 random bits, so nothing slower is needed
    digest       bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    -- its first characters, for people to tell keys apart
    prefix       text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- to the hour
    last_used_at timestamptz,
    -- a revoked key stays, so that its name isn't given to another: jobs bear it
    revoked_at   timestamptz
);

-- One row, made here: all web processes on all hosts sign alike without a setting.
CREATE TABLE session_secret (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    secret   bytea NOT NULL
);
-- Two random UUIDs of Postgres' strong generator: 244 random bits.
INSERT INTO session_secret (secret)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
