-- Jobs and their tasks, what was fetched, which quotes are which coin, and the golden record a coin.

CREATE TABLE jobs (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- a source's name, or 'all'
    kind                text NOT NULL,
    state               text NOT NULL DEFAULT 'queued'
                        CHECK (state IN ('queued', 'running', 'succeeded', 'partial_success', 'failed', 'cancelled')),
    -- the schedule's tick or the start that made it: at most one job a slot, however many processes ask
    slot                text UNIQUE,
    retry_of            bigint REFERENCES jobs ON DELETE SET NULL,
    requested_by        text NOT NULL DEFAULT 'anonymous',
    -- distinct coins that its rows made or updated; known when it has ended
    stored              integer,
    created_at          timestamptz NOT NULL DEFAULT now(),
    started_at          timestamptz,
    finished_at         timestamptz,
    cancel_requested_at timestamptz
);
CREATE INDEX jobs_cancelling ON jobs (id) WHERE cancel_requested_at IS NOT NULL AND finished_at IS NULL;

-- A task's row is the outbox: a message only says that it is worth a look.
CREATE TABLE tasks (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id        bigint NOT NULL REFERENCES jobs ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('fetch', 'normalize')),
    source        text NOT NULL,
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    -- what was asked for (limit, upload, columns), and from where a fetch goes on after the pages stored so far
    params        jsonb NOT NULL DEFAULT '{}',
    cursor        jsonb NOT NULL DEFAULT '{}',
    batch_id      bigint,
    run_at        timestamptz NOT NULL DEFAULT now(),
    dispatched_at timestamptz,
    -- tries since the last progress; waits that an upstream asked for; claims ever, whose number fences the late ones off
    attempt       integer NOT NULL DEFAULT 0 CHECK (attempt <= max_attempts),
    max_attempts  integer NOT NULL CHECK (max_attempts > 0),
    waits         integer NOT NULL DEFAULT 0,
    fence         bigint NOT NULL DEFAULT 0,
    lease_until   timestamptz,
    worker        text,
    -- what came of it: rows read, rows rejected, coins in the order they came, what the reader chose
    rows          integer NOT NULL DEFAULT 0,
    rejected      integer NOT NULL DEFAULT 0,
    coins         integer[] NOT NULL DEFAULT '{}',
    notes         jsonb NOT NULL DEFAULT '{}',
    -- every failed attempt: at, attempt, detail, what followed
    errors        jsonb NOT NULL DEFAULT '[]',
    created_at    timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz,
    finished_at   timestamptz,
    CHECK ((state = 'running') = (lease_until IS NOT NULL))
);
CREATE INDEX tasks_of_job ON tasks (job_id, id);
CREATE INDEX tasks_open ON tasks (job_id) WHERE state IN ('queued', 'running');
CREATE INDEX tasks_due ON tasks (run_at, id) WHERE state = 'queued';
CREATE INDEX tasks_leased ON tasks (lease_until) WHERE state = 'running';
CREATE INDEX tasks_fetched ON tasks (source, finished_at) WHERE kind = 'fetch';

-- What was fetched, as it came.
CREATE TABLE raw_batches (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id    bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
    number     integer NOT NULL,
    body       bytea NOT NULL,
    meta       jsonb NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (task_id, number)
);

-- Uploaded files live here and not on a disk, since web and worker may stand on different hosts.
CREATE TABLE uploads (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    filename   text NOT NULL,
    bytes      bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE upload_chunks (
    upload_id bigint NOT NULL REFERENCES uploads ON DELETE CASCADE,
    number    integer NOT NULL,
    data      bytea NOT NULL,
    PRIMARY KEY (upload_id, number)
);

-- Rows that were not stored, each with its reason.
CREATE TABLE rejections (
    task_id bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
    row     bigint NOT NULL,
    reason  text NOT NULL,
    raw     text NOT NULL
);
CREATE INDEX rejections_of_task ON rejections (task_id, row);

CREATE TABLE idempotency_keys (
    principal    text NOT NULL,
    key          text NOT NULL,
    request_hash text NOT NULL,
    job_id       bigint NOT NULL REFERENCES jobs ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);

-- Who is alive: each worker process says so every few seconds.
CREATE TABLE workers (
    id         text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

-- The golden record a coin. coin_key is for joins inside; canonical_id is what the world sees.
CREATE TABLE cryptocurrencies (
    coin_key           integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    canonical_id       text PRIMARY KEY,
    symbol             text NOT NULL,
    name               text NOT NULL,
    price              numeric,
    market_cap         numeric,
    volume_24h         numeric,
    price_change_24h   numeric,
    circulating_supply numeric,
    total_supply       numeric,
    max_supply         numeric,
    rank               integer,
    -- the source that won, when it saw the price, and whether that time is only when we fetched it
    source             text,
    last_updated       timestamptz,
    time_assumed       boolean,
    flags              text[] NOT NULL DEFAULT '{}',
    -- field by field, the source it came from
    provenance         jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 80);
CREATE INDEX cryptocurrencies_by_symbol ON cryptocurrencies (lower(symbol));

CREATE TABLE source_mappings (
    mapping_key integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    source      text NOT NULL,
    source_id   text NOT NULL,
    coin_key    integer NOT NULL REFERENCES cryptocurrencies (coin_key) ON DELETE CASCADE,
    -- as the source spells them, and made comparable
    symbol      text NOT NULL,
    name        text NOT NULL,
    symbol_key  text NOT NULL,
    name_key    text NOT NULL,
    relation    text NOT NULL CHECK (relation IN ('same', 'wrapped')),
    matched_by  text NOT NULL CHECK (matched_by IN ('registry', 'manual', 'symbol+name', 'new')),
    -- a coin was in sight that this might be: something for a person to look at
    ambiguous   boolean NOT NULL DEFAULT false,
    first_seen  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, source_id)
);
CREATE INDEX source_mappings_of_coin ON source_mappings (coin_key);
CREATE INDEX source_mappings_alike ON source_mappings (symbol_key, name_key);

-- The latest quote of every (source, source_id).
CREATE TABLE quotes (
    mapping_key        integer PRIMARY KEY REFERENCES source_mappings (mapping_key) ON DELETE CASCADE,
    price              numeric,
    market_cap         numeric,
    volume_24h         numeric,
    price_change_24h   numeric,
    high_24h           numeric,
    low_24h            numeric,
    circulating_supply numeric,
    total_supply       numeric,
    max_supply         numeric,
    rank               integer,
    observed_at        timestamptz NOT NULL,
    time_assumed       boolean NOT NULL,
    fetched_at         timestamptz NOT NULL,
    flags              text[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 80);

-- Every observation once. No foreign key: its mapping is written in the same transaction, and only clearing all data
-- takes mappings away, together with this.
CREATE TABLE price_history (
    mapping_key  integer NOT NULL,
    observed_at  timestamptz NOT NULL,
    time_assumed boolean NOT NULL,
    price        numeric,
    market_cap   numeric,
    volume_24h   numeric,
    PRIMARY KEY (mapping_key, observed_at)
);
