-- Bucket is the first column of every per-customer key and unique index (DESIGN §4). Times are bigint milliseconds since 1970.

-- ── Catalogue: what is sold, per workspace. No personal data. ────────────────────────────────────────────────────────
CREATE TABLE products (
    workspace  integer NOT NULL,
    product    text    NOT NULL,
    version    bigint  NOT NULL,           -- of the workspace's catalogue: only grows, given under the catalogue's lock
    changed_at bigint  NOT NULL,
    withdrawn  boolean NOT NULL DEFAULT false,
    body       bytea   NOT NULL,           -- msgpack of catalog.product.Product
    PRIMARY KEY (workspace, product)
);
CREATE INDEX products_changed ON products (workspace, version);

CREATE TABLE product_prices (
    workspace  integer NOT NULL,
    product    text    NOT NULL,
    variant    text    NOT NULL,           -- empty: the product itself
    at         bigint  NOT NULL,           -- from when on
    amount     bigint,                     -- minor units; NULL: no longer priced
    currency   text    NOT NULL,
    PRIMARY KEY (workspace, product, variant, at)
);

CREATE TABLE categories (
    workspace  integer NOT NULL,
    category   text    NOT NULL,
    parent     text    NOT NULL DEFAULT '',
    version    bigint  NOT NULL,
    body       bytea   NOT NULL,
    PRIMARY KEY (workspace, category)
);

CREATE TABLE stores (
    workspace  integer NOT NULL,
    store      text    NOT NULL,
    version    bigint  NOT NULL,
    body       bytea   NOT NULL,           -- msgpack of places.store.Store
    PRIMARY KEY (workspace, store)
);

CREATE TABLE stock (
    workspace  integer NOT NULL,
    product    text    NOT NULL,
    variant    text    NOT NULL,
    store      text    NOT NULL,           -- never empty: what is on line stands in the product
    quantity   integer NOT NULL,
    at         bigint  NOT NULL,
    PRIMARY KEY (workspace, product, variant, store)
);

CREATE TABLE rates (
    workspace  integer NOT NULL,
    currency   text    NOT NULL,
    day        integer NOT NULL,
    rate       numeric NOT NULL,           -- units of the workspace's currency for one of this one
    PRIMARY KEY (workspace, currency, day)
);

-- One row a workspace: its lock serialises catalogue changes, so that versions and fan-out numbers are given in commit order.
CREATE TABLE catalogues (
    workspace  integer PRIMARY KEY,
    version    bigint  NOT NULL DEFAULT 0,
    fanout     bigint  NOT NULL DEFAULT 0, -- number of the last fan-out
    at         bigint  NOT NULL DEFAULT 0, -- of the last write: each is later than the one before, so that price points never meet
    tree       bigint  NOT NULL DEFAULT 0, -- grows when categories change
    products   bigint  NOT NULL DEFAULT 0, -- how many are not withdrawn
    filled     boolean NOT NULL DEFAULT false -- an import came whole: from now on what is new is news
);

-- ── Who cares about what. ────────────────────────────────────────────────────────────────────────────────────────────
-- item is a hash (catalog.item.item_of); rank 0 is the strongest, so that the key's own order is strongest first.
CREATE TABLE watch (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    item       bigint   NOT NULL,
    rank       smallint NOT NULL,
    customer   bigint   NOT NULL,
    PRIMARY KEY (bucket, workspace, item, rank, customer)
);

-- One change of the catalogue on its way to those who watch the item. Numbers are given in commit order.
CREATE TABLE fanouts (
    workspace  integer NOT NULL,
    n          bigint  NOT NULL,
    item       bigint  NOT NULL,
    id         bytea   NOT NULL,           -- of the change: two items of one change have the same
    name       text    NOT NULL,           -- of the event its watchers get
    body       bytea   NOT NULL,           -- that event's JSON
    at         bigint  NOT NULL,
    expires_at bigint  NOT NULL,
    PRIMARY KEY (workspace, n)
);
-- Per bucket: every fan-out up to `n` was opened; those with a row in fanout_cursors are still being walked.
CREATE TABLE fanout_heads (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    n          bigint   NOT NULL,
    PRIMARY KEY (bucket, workspace)
) WITH (fillfactor = 50);
CREATE TABLE fanout_cursors (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    n          bigint   NOT NULL,
    rank       smallint NOT NULL,          -- the last watcher told: (rank, customer)
    customer   bigint   NOT NULL,
    PRIMARY KEY (bucket, workspace, n)
) WITH (fillfactor = 50);

-- ── Who is who. ──────────────────────────────────────────────────────────────────────────────────────────────────────
-- What one customer's row sends to another's, perhaps in another bucket: a merge's snapshot, an event that came late for a forwarder.
-- Read and deleted by the bucket's worker in the commit that folds it.
CREATE TABLE inbox (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    id         bytea    NOT NULL,
    kind       smallint NOT NULL,          -- 0 snapshot, 1 event, 2 an event that was folded: kept as long as a merge may be undone
    sender     bigint   NOT NULL,          -- the customer it comes from
    at         bigint   NOT NULL,
    version    bigint   NOT NULL DEFAULT 0, -- of the addressee's row, in which it was folded
    body       bytea    NOT NULL,
    PRIMARY KEY (bucket, workspace, customer, id)
);

-- The merge ledger. The bucket is the loser's; what it holds of a person is in the registry of erasure.
CREATE INDEX inbox_open ON inbox (bucket, kind) WHERE kind < 2;
CREATE TABLE merges (
    bucket         smallint NOT NULL,
    workspace      integer  NOT NULL,
    id             bytea    NOT NULL,
    loser          bigint   NOT NULL,
    winner         bigint   NOT NULL,
    stage          smallint NOT NULL DEFAULT 0,  -- 0 asked, 1 exported, 2 joined, 3 done, 5 undone, 6 refused
    reason         text     NOT NULL,            -- identify, alias, request
    asked_by       text     NOT NULL,            -- key id
    trust          smallint NOT NULL,            -- who vouched that they are one: 0 public key, 1 signed identity, 2 secret key
    asked_at       bigint   NOT NULL,
    refusal        text     NOT NULL DEFAULT '', -- of a refused one: why
    joined_at      bigint,
    undone_at      bigint,
    loser_state    bytea,                        -- as it was exported
    winner_state   bytea,                        -- as it was before the other was joined to it
    winner_version bigint,                       -- of the row that the joining wrote
    winner_offsets bytea,                        -- how far the winner's bucket was read then: (lane, seq) pairs
    moved          bytea,                        -- the directory rows that went over, 17 bytes each (kind, hash), to bring them back
    PRIMARY KEY (bucket, workspace, id)
);
-- What a workspace's identity tokens are held against: with a row here a browser names a user only with a token.
CREATE TABLE signings (
    workspace  integer PRIMARY KEY,
    algorithm  text    NOT NULL,           -- HS256, RS256, ES256
    key        bytea   NOT NULL,           -- the shared secret, or the public key in PEM
    changed_at bigint  NOT NULL
);
CREATE INDEX merges_id ON merges (workspace, id);
CREATE INDEX merges_recent ON merges (workspace, asked_at, id);
CREATE INDEX merges_loser ON merges (workspace, loser);
CREATE INDEX merges_winner ON merges (workspace, winner);
CREATE INDEX merges_open ON merges (bucket, stage) WHERE stage IN (0, 1, 2);

-- ── The engine, the deliverer, erasure (each appends below). ─────────────────────────────────────────────────────────

-- A. The engine.
-- Nothing was decided in the bucket later than this, as far as its owner has told: who takes it over decides no earlier.
ALTER TABLE leases ADD COLUMN last_now bigint NOT NULL DEFAULT 0;
-- What an engine tells of itself (JSON): buckets given up, workspaces left alone, a clock in doubt. Counts and names of ours only.
ALTER TABLE workers ADD COLUMN says jsonb NOT NULL DEFAULT '{}';
ALTER TABLE quarantine ADD COLUMN replayed boolean NOT NULL DEFAULT false;
-- Customers whose state or timer raises, whatever event comes. Mended once the row's version has gone on.
CREATE TABLE poisoned (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    fault      text     NOT NULL,          -- its kind and place, never its text
    since      bigint   NOT NULL,
    last_at    bigint   NOT NULL,
    times      integer  NOT NULL DEFAULT 1,
    version    bigint   NOT NULL,          -- of the customer's row, as it was left
    PRIMARY KEY (bucket, workspace, customer)
);
-- Lanes that are gone for good, so that their offsets can be let go a day later: by then no engine holds a batch of theirs.
CREATE TABLE retired_lanes (
    lane       integer PRIMARY KEY,
    retired_at bigint  NOT NULL
);

-- B. The deliverer.
-- An earlier attempt ended unknown: the customer may have it, whatever comes of the message now.
ALTER TABLE outbox ADD COLUMN doubt boolean NOT NULL DEFAULT false;
-- What processes counted, summed up over all that ever were; and those that live, with what they say of themselves. Counts and our words.
CREATE TABLE part_sums (
    part       text             NOT NULL,
    name       text             NOT NULL,
    labels     text             NOT NULL,  -- JSON, its words in the order of the alphabet
    amount     double precision NOT NULL,
    PRIMARY KEY (part, name, labels)
) WITH (fillfactor = 50);
CREATE TABLE parts (
    process    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part       text   NOT NULL,
    at         bigint NOT NULL,            -- when it last told of itself
    says       jsonb  NOT NULL
) WITH (fillfactor = 50);

-- C. Erasure.
-- Who asked to be forgotten. The first pass makes the row under the customer's lock; the second empties place after place, a bounded piece
-- at a time, and takes the job up where it was left. A job that is done holds nothing of the person.
CREATE TABLE erasures (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    asked_at   bigint   NOT NULL,
    done_at    bigint,
    place      text     NOT NULL DEFAULT '', -- the table that is being emptied
    spot       bytea    NOT NULL DEFAULT '', -- how far, in that table's own order
    last_state bytea    NOT NULL,            -- until the ids in it were read: the second pass begins with that
    traces     bytea    NOT NULL DEFAULT '', -- by which ids the person is looked for in rejects; emptied at the end
    PRIMARY KEY (bucket, workspace, customer)
);
CREATE INDEX erasures_open ON erasures (asked_at) WHERE done_at IS NULL;
CREATE INDEX erasures_recent ON erasures (workspace, asked_at, customer);
-- A letter is looked for by its message.
CREATE INDEX mailbox_id ON mailbox (workspace, id);

-- F. What was measured last over a workspace's customers. No personal data: sums over at least five.
CREATE TABLE standings (
    workspace  integer PRIMARY KEY,
    at         bigint  NOT NULL,
    points     bytea                       -- msgpack of profile.worth.BreakPoints; NULL: too few buyers
);
CREATE TABLE together (
    workspace  integer  NOT NULL,
    how        smallint NOT NULL,          -- 0 viewed, 1 bought
    product    text     NOT NULL,
    companions bytea    NOT NULL,          -- msgpack of a list of catalog.together.Companion, at most 20
    PRIMARY KEY (workspace, how, product)
);

-- L. Double opt-in.
-- Which questions to confirm an address got lately, whichever customers it was named by: a keyed hash of it, and no customer.
CREATE TABLE questions (
    workspace  integer NOT NULL,
    mark       bytea   NOT NULL,
    asked      bytea   NOT NULL,           -- msgpack: (id of the message, when it was claimed), within the policy's time
    kept_until bigint  NOT NULL,
    PRIMARY KEY (workspace, mark)
);
CREATE INDEX questions_old ON questions (kept_until);
