-- What the suite writes down about a run, by triggers of its own: every change of a job and of a task, and every effect,
-- with the transaction that made it. Nothing here is unique, so that what happens twice is seen twice.

CREATE SCHEMA ledger;

CREATE TABLE ledger.jobs (
    seq   bigint GENERATED ALWAYS AS IDENTITY,
    job   bigint NOT NULL,
    slot  text,
    was   text,
    state text NOT NULL,
    tx    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger.tasks (
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    task         bigint NOT NULL,
    job          bigint NOT NULL,
    kind         text NOT NULL,
    source       text NOT NULL,
    was          text,
    state        text NOT NULL,
    attempt      integer NOT NULL,
    max_attempts integer NOT NULL,
    fence        bigint NOT NULL,
    worker       text,
    run_at       timestamptz NOT NULL,
    writer       text NOT NULL DEFAULT current_setting('application_name'),
    tx           xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at           timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The merge of a batch doesn't name its task: its statements are told by the transaction, which ends the task.
CREATE TABLE ledger.effects (
    seq    bigint GENERATED ALWAYS AS IDENTITY,
    kind   text NOT NULL,
    task   bigint,
    fence  bigint,
    detail bigint,
    writer text NOT NULL DEFAULT current_setting('application_name'),
    tx     xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION ledger.note_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.jobs (job, slot, was, state)
    VALUES (NEW.id, NEW.slot, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state);
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_new AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION ledger.note_job();
CREATE TRIGGER ledger_changed AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION ledger.note_job();

CREATE FUNCTION ledger.note_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.tasks (task, job, kind, source, was, state, attempt, max_attempts, fence, worker, run_at)
    VALUES (NEW.id, NEW.job_id, NEW.kind, NEW.source, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
            NEW.attempt, NEW.max_attempts, NEW.fence, NEW.worker, NEW.run_at);
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_new AFTER INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION ledger.note_task();
-- A renewed lease and a rung bell are no change of state.
CREATE TRIGGER ledger_changed AFTER UPDATE ON tasks FOR EACH ROW
    WHEN ((OLD.state, OLD.attempt, OLD.fence, OLD.run_at, OLD.cursor) IS DISTINCT FROM
          (NEW.state, NEW.attempt, NEW.fence, NEW.run_at, NEW.cursor))
    EXECUTE FUNCTION ledger.note_task();

CREATE FUNCTION ledger.note_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.effects (kind, task, fence, detail)
    SELECT 'batch', id, fence, NEW.number FROM tasks WHERE id = NEW.task_id;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_new AFTER INSERT ON raw_batches FOR EACH ROW EXECUTE FUNCTION ledger.note_batch();

-- A fetch's children are of its own job; those of another job are a retry's, which no worker makes.
CREATE FUNCTION ledger.note_child() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.effects (kind, task, fence, detail)
    SELECT 'child', t.id, t.fence, b.number
    FROM raw_batches b JOIN tasks t ON t.id = b.task_id WHERE b.id = NEW.batch_id AND t.job_id = NEW.job_id;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_child AFTER INSERT ON tasks FOR EACH ROW
    WHEN (NEW.kind = 'normalize') EXECUTE FUNCTION ledger.note_child();

CREATE FUNCTION ledger.note_rejections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.effects (kind, task, fence, detail)
    SELECT 'rejections', t.id, t.fence, count(*)
    FROM new_rows n JOIN tasks t ON t.id = n.task_id GROUP BY t.id, t.fence;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_new AFTER INSERT ON rejections
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ledger.note_rejections();

-- One statement a merge, whether or not it changes a row: a repetition that changes nothing is one too many as well.
CREATE FUNCTION ledger.note_merge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger.effects (kind) VALUES (TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_merge AFTER INSERT ON price_history FOR EACH STATEMENT EXECUTE FUNCTION ledger.note_merge('history');
CREATE TRIGGER ledger_merge AFTER INSERT ON quotes FOR EACH STATEMENT EXECUTE FUNCTION ledger.note_merge('quotes');
CREATE TRIGGER ledger_merge AFTER UPDATE ON cryptocurrencies FOR EACH STATEMENT EXECUTE FUNCTION ledger.note_merge('golden');
