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
