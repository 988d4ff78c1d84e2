-- Which tasks changed since when, schedules that are kept, and how the queues were over the last day.

-- The transaction that last gave a task its state: whoever asks again learns what became of jobs since they asked before,
-- from the snapshot that they had then, and misses nothing, however long a transaction took to commit.
ALTER TABLE tasks ADD COLUMN changed xid8;
ALTER TABLE tasks ALTER COLUMN changed SET DEFAULT pg_current_xact_id();
CREATE INDEX tasks_changed ON tasks (changed) WHERE changed IS NOT NULL;

CREATE FUNCTION note_task_change() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    NEW.changed := pg_current_xact_id();
    RETURN NEW;
END
$$;
CREATE TRIGGER task_changes BEFORE UPDATE ON tasks
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION note_task_change();

CREATE TABLE schedules (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    -- environment: named by INGEST_SCHEDULE, and only to be paused and resumed by the API
    origin      text NOT NULL CHECK (origin IN ('environment', 'api')),
    -- what its jobs are: a source's name, or 'all'
    kind        text NOT NULL,
    params      jsonb NOT NULL DEFAULT '{}',
    -- seconds from slot to slot, counted from 1970; or a cron expression in UTC
    every       double precision CHECK (every > 0),
    cron        text,
    paused      boolean NOT NULL DEFAULT false,
    -- the slot to come; it is over when its job was made
    next_run_at timestamptz NOT NULL,
    last_run_at timestamptz,
    -- no foreign key, since it stays true when that job is pruned
    last_job_id bigint,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (origin, name),
    CHECK ((every IS NULL) <> (cron IS NULL))
);

-- A key may have made a schedule, too.
ALTER TABLE idempotency_keys ALTER COLUMN job_id DROP NOT NULL;
ALTER TABLE idempotency_keys ADD COLUMN schedule_id bigint REFERENCES schedules ON DELETE CASCADE;

-- A row a queue each ten seconds, whichever process comes first.
CREATE TABLE queue_samples (
    taken_at  timestamptz NOT NULL,
    queue     text NOT NULL,
    -- tasks that are due, that somebody works on, and whose time is still to come
    ready     integer NOT NULL,
    in_flight integer NOT NULL,
    later     integer NOT NULL,
    -- seconds for which the longest-waiting task had been due
    oldest    double precision,
    -- tasks that ended since the row before, as far as its snapshot had not seen them
    succeeded integer NOT NULL,
    failed    integer NOT NULL,
    workers   integer NOT NULL,
    snapshot  pg_snapshot NOT NULL,
    PRIMARY KEY (taken_at, queue)
);
