-- The first schema. Bucket is the first column of every per-customer key and unique index (DESIGN §4).
-- Times are bigint milliseconds since 1970; a day is the number of days since 1970.

CREATE TABLE installation (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    secret     bytea   NOT NULL,          -- keys of links and of event hashes are derived from it; never logged
    buckets    integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workspaces (
    workspace  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text    NOT NULL UNIQUE,
    name       text    NOT NULL,
    timezone   text    NOT NULL,
    locale     text    NOT NULL,
    sandbox    boolean NOT NULL DEFAULT false,
    version    integer NOT NULL DEFAULT 1, -- raised by every change of definitions: programmes are cached by it
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE keys (
    hash       bytea   PRIMARY KEY,        -- of the key; the key itself is shown once and never stored
    workspace  integer NOT NULL REFERENCES workspaces,
    key_id     text    NOT NULL UNIQUE,
    secret     boolean NOT NULL,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Journeys, messages and the policy as published. A version once published is never changed.
CREATE TABLE definitions (
    workspace  integer NOT NULL REFERENCES workspaces,
    kind       text    NOT NULL,           -- journey | message | policy
    key        text    NOT NULL,
    version    integer NOT NULL,
    source     text    NOT NULL,           -- the YAML
    compiled   bytea,                      -- msgpack of the read struct, where reading is dear (MJML)
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace, kind, key, version)
);

-- The directory: which customer an id belongs to. It has buckets of its own (hash of the id), and holds no raw id.
CREATE TABLE identities (
    idbucket   smallint NOT NULL,
    workspace  integer  NOT NULL,
    kind       smallint NOT NULL,          -- 0 user, 1 anonymous
    value_hash bytea    NOT NULL,
    customer   bigint   NOT NULL,
    claimed_by bytea,                      -- for an anonymous id: the hash of the user id that claimed it
    PRIMARY KEY (idbucket, workspace, kind, value_hash)
);
CREATE INDEX identities_customer ON identities (workspace, customer);

-- One row is one customer's hot state. MAIN and the raised target keep it in line and uncompressed up to a page;
-- due_at stands here too, un-indexed, so that writing a state stays a HOT update.
CREATE TABLE customers (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    status     smallint NOT NULL DEFAULT 0,
    version    bigint   NOT NULL,
    due_at     bigint,
    state      bytea    NOT NULL,
    PRIMARY KEY (bucket, workspace, customer)
) WITH (fillfactor = 80, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE customers ALTER COLUMN state SET STORAGE MAIN;

CREATE TABLE due (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    due_at     bigint   NOT NULL,
    PRIMARY KEY (bucket, workspace, customer)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX due_when ON due (bucket, due_at);

-- The log. seq is microseconds since 1970, only growing within a lane: partitions by day are ranges of seq.
CREATE TABLE events (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    lane       integer  NOT NULL,
    seq        bigint   NOT NULL,
    customer   bigint   NOT NULL,
    h          bytea    NOT NULL,
    source     smallint NOT NULL,
    call       smallint NOT NULL,
    name       text     NOT NULL,
    at         bigint   NOT NULL,
    received   bigint   NOT NULL,
    body       bytea    NOT NULL,
    PRIMARY KEY (bucket, workspace, lane, seq)
) PARTITION BY RANGE (seq);

CREATE TABLE seen (
    day        integer  NOT NULL,
    workspace  integer  NOT NULL,
    source     smallint NOT NULL,
    h          bytea    NOT NULL,
    PRIMARY KEY (day, workspace, source, h)
) PARTITION BY RANGE (day);

-- What was too old when it came: remembered by its own day minus 100,000, and not let go.
CREATE TABLE seen_old PARTITION OF seen FOR VALUES FROM (MINVALUE) TO (0);

CREATE TABLE rejects (
    workspace  integer NOT NULL,
    id         bytea   NOT NULL,
    received   bigint  NOT NULL,
    code       text    NOT NULL,
    sentence   text    NOT NULL,
    place      text    NOT NULL,
    raw        bytea   NOT NULL,
    key_id     text    NOT NULL,
    replayed   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace, received, id)
);

-- Who writes: a lane is born with its process, never inherited, and retired when its lock is free and it is drained.
CREATE SEQUENCE lane_numbers AS integer;
CREATE TABLE lanes (
    lane       integer PRIMARY KEY,
    class      smallint NOT NULL,
    born_at    bigint   NOT NULL
);

-- How far each (bucket, workspace, lane) was evaluated; moved by compare-and-set in the commit of the batch.
CREATE TABLE offsets (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    lane       integer  NOT NULL,
    seq        bigint   NOT NULL,
    PRIMARY KEY (bucket, workspace, lane)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE leases (
    bucket     smallint PRIMARY KEY,
    worker     integer  NOT NULL,
    until_at   bigint   NOT NULL
) WITH (fillfactor = 50);
CREATE SEQUENCE worker_numbers AS integer;
CREATE SEQUENCE deliverer_numbers AS integer;

CREATE TABLE verdicts (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    at         bigint   NOT NULL,
    day        integer  NOT NULL,
    proposal   bytea    NOT NULL,
    decided    text     NOT NULL,
    refusal    text     NOT NULL,          -- the first reason; empty for speak
    journey    text     NOT NULL,
    body       bytea    NOT NULL           -- msgpack of the Verdict
) PARTITION BY RANGE (day);
CREATE INDEX verdicts_customer ON verdicts (bucket, workspace, customer, at);
CREATE INDEX verdicts_recent ON verdicts (workspace, at);

-- Messages. The day is the one inside the id, so that one id can only ever stand in one partition.
CREATE TABLE outbox (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    id         bytea    NOT NULL,
    day        integer  NOT NULL,
    channel    text     NOT NULL,
    status     smallint NOT NULL,
    marketing  boolean  NOT NULL,
    items      text[]   NOT NULL,
    not_before bigint   NOT NULL,
    expires_at bigint   NOT NULL,
    attempts   integer  NOT NULL DEFAULT 0,
    deliverer  integer  NOT NULL DEFAULT 0,
    created_at bigint   NOT NULL,
    handed_at  bigint,
    ended_at   bigint,
    reason     text     NOT NULL DEFAULT '',
    answer     bytea,
    body       bytea    NOT NULL,          -- msgpack of the Message
    PRIMARY KEY (bucket, workspace, customer, id, day)
) PARTITION BY RANGE (day);
CREATE INDEX outbox_due ON outbox (channel, workspace, not_before) WHERE status = 0;
CREATE INDEX outbox_handing ON outbox (deliverer) WHERE status = 1;
CREATE INDEX outbox_by_id ON outbox (workspace, id);

-- Answers about consent, append-only, chained per customer by the salted commitment of each entry.
CREATE TABLE consent_ledger (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    n          integer  NOT NULL,
    id         bytea    NOT NULL,
    at         bigint   NOT NULL,
    slot       text     NOT NULL,
    state      text     NOT NULL,
    source     text     NOT NULL,
    commitment bytea    NOT NULL,          -- hash over the previous commitment, the salt and the personal part
    personal   bytea,                      -- msgpack (notice, language, actor, proof); erasure deletes it and the salt
    salt       bytea,
    PRIMARY KEY (bucket, workspace, customer, n)
);
CREATE UNIQUE INDEX consent_ledger_id ON consent_ledger (bucket, workspace, customer, id);

CREATE TABLE quarantine (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    lane       integer  NOT NULL,
    seq        bigint   NOT NULL,
    customer   bigint   NOT NULL,
    fault      text     NOT NULL,
    set_aside  bigint   NOT NULL,
    PRIMARY KEY (bucket, workspace, lane, seq)
);

-- Where a sandbox workspace's messages end.
CREATE TABLE mailbox (
    workspace  integer NOT NULL,
    id         bytea   NOT NULL,
    at         bigint  NOT NULL,
    address    text    NOT NULL,
    subject    text    NOT NULL,
    raw        bytea   NOT NULL,
    message    bytea   NOT NULL,
    PRIMARY KEY (workspace, at, id)
);

-- Raised inside a commit when a compare-and-set did not hold: nothing of the transaction stays.
CREATE FUNCTION must_be(got bigint, wanted bigint, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF got <> wanted THEN
        RAISE EXCEPTION 'moved: %', what USING ERRCODE = 'OP001';
    END IF;
END $$;

-- The store's clock in milliseconds.
CREATE FUNCTION clock_millis() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

CREATE TABLE outbox_odd PARTITION OF outbox DEFAULT;

-- Makes one table's partitions from `back` days ago to `ahead` days from now, where they are missing; gives how many it made.
-- One table a call: making one locks its table, and nobody may hold two of these locks at once.
CREATE FUNCTION make_partitions(parent text, back integer, ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    today integer := clock_millis() / 86400000;
    unit  bigint  := CASE parent WHEN 'events' THEN 86400000000 ELSE 1 END;
    made  integer := 0;
    name  text;
BEGIN
    FOR day IN today - back .. today + ahead LOOP
        name := parent || '_' || to_char(date '1970-01-01' + day, 'YYYYMMDD');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', name, parent, day * unit, (day + 1) * unit);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
