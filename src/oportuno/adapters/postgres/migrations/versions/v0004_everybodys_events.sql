-- Everybody's events: written once, never edited after a release; each part is a block of its own.

-- ── Imports ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- How far a file was brought in: moved in the transaction that stores the rows' events, so that a killed import goes on where it stopped.
CREATE TABLE imports (
    workspace   integer NOT NULL,
    id          bytea   NOT NULL,
    name        text    NOT NULL,
    kind        text    NOT NULL,
    mapping     bytea   NOT NULL,
    position    bigint  NOT NULL DEFAULT 0,
    tally       bytea   NOT NULL DEFAULT '',
    begun_at    bigint  NOT NULL,
    moved_at    bigint  NOT NULL,
    finished_at bigint,
    PRIMARY KEY (workspace, id)
);

-- Which column tells what, remembered under a name.
CREATE TABLE mappings (
    workspace  integer NOT NULL,
    name       text    NOT NULL,
    mapping    bytea   NOT NULL,
    kept_at    bigint  NOT NULL,
    PRIMARY KEY (workspace, name)
);

-- ── Tracking plans ──────────────────────────────────────────────────────────────────────────────────────────────────

-- What did not fit a workspace's tracking plan: names and what was expected, never a value that was sent.
CREATE TABLE plan_violations (
    workspace  integer NOT NULL,
    id         bytea   NOT NULL,           -- hash of event, path, rule and what was expected
    event      text    NOT NULL,
    path       text    NOT NULL,
    rule       text    NOT NULL,
    expected   text    NOT NULL,
    blocks     boolean NOT NULL,
    times      bigint  NOT NULL,
    blocked    bigint  NOT NULL,
    first_at   bigint  NOT NULL,
    last_at    bigint  NOT NULL,
    example    text    NOT NULL,           -- rej_… of a reject, or a message id that names nobody
    PRIMARY KEY (workspace, id)
) WITH (fillfactor = 50);

-- ── Webhooks of shops ───────────────────────────────────────────────────────────────────────────────────────────────

-- Where shops' systems post what happened there, each address with the secret by which its posts are signed.
CREATE TABLE hooks (
    workspace  integer NOT NULL,
    id         text    NOT NULL,           -- hook_…, as the address names it
    platform   text    NOT NULL,           -- shopify, woocommerce
    name       text    NOT NULL,
    secret     bytea   NOT NULL,           -- as signings.key: never shown
    notice     text    NOT NULL DEFAULT '', -- version of the wording that the shop serves for marketing; empty: its yeses do not count
    language   text    NOT NULL DEFAULT '', -- in which it is served
    made_at    bigint  NOT NULL,
    last_at    bigint,                     -- when the last post came that was signed as it should be
    PRIMARY KEY (id)
);
CREATE INDEX hooks_of ON hooks (workspace, made_at);

-- ── Timers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- When more timers are due than an engine takes at once, each workspace gets its turn.
CREATE INDEX due_of ON due (bucket, workspace, due_at);
