-- What /metrics counts for all processes together, and which trace a job belongs to.

-- Only ever added to: a worker that dies, and tasks that are pruned, take nothing away.
CREATE TABLE counters (
    name   text NOT NULL,
    labels jsonb NOT NULL,
    value  double precision NOT NULL,
    PRIMARY KEY (name, labels)
) WITH (fillfactor = 50);

-- One row: up to which snapshot ended tasks have been counted.
CREATE TABLE counted (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    snapshot   pg_snapshot NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
INSERT INTO counted (snapshot) VALUES (pg_current_snapshot());

-- W3C Trace Context: the trace that asked for the job, as `traceparent` spells it. Null in jobs of the release before.
ALTER TABLE jobs ADD COLUMN traceparent text;
