-- Hearing back: what is told of messages, who must not be written to, by which ways they go, and what is kept for later.
-- Each part stands in a marked block of its own.

-- ── What is told of messages, and the addresses that must not be written to ─────────────────────────────────────────

-- By which id the provider knows a message, and to which address it went (a keyed hash): noted by the ending and by the claim.
ALTER TABLE outbox ADD COLUMN provider_ref text NOT NULL DEFAULT '', ADD COLUMN mark bytea NOT NULL DEFAULT '';
CREATE INDEX outbox_by_ref ON outbox (workspace, provider_ref) WHERE provider_ref <> '';

-- What was heard and believed, filed with its message, whose day it bears. It names nobody beyond the customer's number.
CREATE TABLE hearings (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    message    bytea    NOT NULL,
    id         bytea    NOT NULL,
    day        integer  NOT NULL,
    what       text     NOT NULL,
    channel    text     NOT NULL,
    source     text     NOT NULL,
    proof      text     NOT NULL,
    at         bigint   NOT NULL,          -- when it happened, as far as is told
    heard_at   bigint   NOT NULL,
    status     text     NOT NULL,
    detail     text     NOT NULL,
    PRIMARY KEY (bucket, workspace, customer, message, id, day)
) PARTITION BY RANGE (day);
CREATE INDEX hearings_recent ON hearings (workspace, heard_at);
CREATE TABLE hearings_odd PARTITION OF hearings DEFAULT;

-- What was heard and belongs to no message that we know, or could not be believed: kept whole for some weeks, and nothing follows.
CREATE TABLE unmatched_hearings (
    workspace    integer NOT NULL,         -- 0: nobody knows whose
    id           bytea   NOT NULL,
    heard_as     text    NOT NULL,         -- unmatched | not_believed
    what         text    NOT NULL,
    channel      text    NOT NULL,
    source       text    NOT NULL,
    proof        text    NOT NULL,
    at           bigint  NOT NULL,
    heard_at     bigint  NOT NULL,
    message      bytea   NOT NULL,
    provider_ref text    NOT NULL,
    status       text    NOT NULL,
    detail       text    NOT NULL,
    address      text    NOT NULL,
    said         text    NOT NULL,
    raw          bytea   NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX unmatched_hearings_recent ON unmatched_hearings (workspace, heard_at, id);

-- Addresses, as keyed hashes, that are not written to whoever the customer is. It outlasts the customers.
CREATE TABLE suppressions (
    workspace  integer NOT NULL,
    channel    text    NOT NULL,
    mark       bytea   NOT NULL,
    reason     text    NOT NULL,           -- hard_bounce | soft_bounces | complaint | unsubscribed | manual | invalid
    since      bigint  NOT NULL,
    source     text    NOT NULL,           -- who told
    note       text    NOT NULL,
    PRIMARY KEY (workspace, channel, mark)
);
CREATE INDEX suppressions_recent ON suppressions (workspace, since, mark);

-- Which customers are silent because of such an address, so that lifting it reaches them.
CREATE TABLE suppressed_customers (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    channel    text     NOT NULL,
    mark       bytea    NOT NULL,
    PRIMARY KEY (bucket, workspace, customer, channel, mark)
);
CREATE INDEX suppressed_customers_by_mark ON suppressed_customers (workspace, channel, mark);

-- ── End of that part ────────────────────────────────────────────────────────────────────────────────────────────────

-- ── Links of mails, and what was clicked ────────────────────────────────────────────────────────────────────────────

-- Addresses of the shop that measured links lead to, each once however many mails carry it; none that is of one person or one message.
CREATE TABLE links (
    workspace  integer NOT NULL,
    id         bytea   NOT NULL,           -- hash of what follows
    url        text    NOT NULL,
    cart       boolean NOT NULL,           -- leads to the customer's own cart: their token is added when it is followed
    used       integer NOT NULL,           -- in which thirty days since 1970 a mail carried it last
    PRIMARY KEY (workspace, id)
);

-- What was followed: by whose message, never from where or with what. Noted apart from everything that decides.
CREATE TABLE clicks (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    message    bytea    NOT NULL,
    at         bigint   NOT NULL,
    link       bytea    NOT NULL,
    sign       text     NOT NULL,          -- what the request itself told: prefetch, agent; empty: nothing odd
    verdict    text     NOT NULL DEFAULT '',  -- person, again, machine_…; empty: not settled yet
    PRIMARY KEY (bucket, workspace, customer, message, at, link)
);
CREATE INDEX clicks_unsettled ON clicks (at) WHERE verdict = '';
CREATE INDEX clicks_by_age ON clicks USING brin (at);

-- ── What programs asked to send, and each attempt to hand over ──────────────────────────────────────────────────────

-- Under which key a program asked for which message, so that asking again sends nothing. Keyed hashes alone, let go after a month.
CREATE TABLE send_keys (
    workspace  integer NOT NULL,
    mark       bytea   NOT NULL,           -- of the idempotency key
    digest     bytea   NOT NULL,           -- of what was asked for under it
    message    bytea   NOT NULL,
    at         bigint  NOT NULL,
    PRIMARY KEY (workspace, mark)
);
CREATE INDEX send_keys_by_age ON send_keys (at);

-- How each hand-off of a message ended: the outbox remembers only the last. Append-only; the day is its message's.
CREATE TABLE attempts (
    bucket     smallint NOT NULL,
    workspace  integer  NOT NULL,
    customer   bigint   NOT NULL,
    message    bytea    NOT NULL,
    day        integer  NOT NULL,
    n          integer  NOT NULL,          -- from 1, as the outbox counts claims
    part       integer  NOT NULL,          -- from 0: a claim may try one provider after the other
    claimed_at bigint,
    ended_at   bigint   NOT NULL,
    way        text    NOT NULL,           -- by which provider; empty: none was reached
    outcome    text    NOT NULL,           -- accepted, refused_for_now, refused_for_good, unknown, void
    detail     text    NOT NULL            -- the provider's answer in short
) PARTITION BY RANGE (day);
CREATE INDEX attempts_of ON attempts (workspace, message);
CREATE INDEX attempts_customer ON attempts (bucket, workspace, customer);
CREATE TABLE attempts_odd PARTITION OF attempts DEFAULT;

-- ── End of that part ────────────────────────────────────────────────────────────────────────────────────────────────

-- ── Where mail providers tell what became of mail ───────────────────────────────────────────────────────────────────

-- Addresses at which a provider posts, each with what its posts are verified by.
CREATE TABLE mail_hooks (
    workspace  integer NOT NULL,
    id         text    NOT NULL,           -- hook_…, as the address names it
    provider   text    NOT NULL,           -- ses, sendgrid, mailgun, postmark
    name       text    NOT NULL,
    secret     bytea   NOT NULL,           -- a key or a password: never shown; empty where AWS's certificate is what is verified by
    topic      text    NOT NULL,           -- of SES: the SNS topic that may post; empty: the first that asks to
    made_at    bigint  NOT NULL,
    last_at    bigint,                     -- when the last post came that was believed
    PRIMARY KEY (id)
);
CREATE INDEX mail_hooks_of ON mail_hooks (workspace, made_at);

-- Mailgun signs a moment and a token, not what it posts: each token is good for one body, and again for the same.
CREATE TABLE mail_hook_tokens (
    hook  text   NOT NULL,
    token bytea  NOT NULL,
    body  bytea  NOT NULL,
    at    bigint NOT NULL,
    PRIMARY KEY (hook, token)
);
CREATE INDEX mail_hook_tokens_at ON mail_hook_tokens (at);

-- ── By which ways mail goes, and how sending domains stand ──────────────────────────────────────────────────────────

-- Providers that a workspace hands its mail to, in their order. What is secret of them is sealed: the key is not in this database.
CREATE TABLE providers (
    workspace  integer NOT NULL,
    id         text    NOT NULL,           -- prov_…
    place      integer NOT NULL,           -- in the order in which they are tried
    kind       text    NOT NULL,           -- smtp, ses, sendgrid, mailgun, postmark
    name       text    NOT NULL,
    settings   jsonb   NOT NULL,           -- what may be shown
    secrets    bytea   NOT NULL,           -- the rest, sealed
    signs      text    NOT NULL,           -- the domain that it signs for; empty: it does not
    made_at    bigint  NOT NULL,
    changed_at bigint  NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX providers_of ON providers (workspace, place, id);

-- How many mails of a sending domain a group of receivers took on a day. Counted, not listed: a deliverer that dies forgets some seconds.
CREATE TABLE mail_days (
    workspace  integer NOT NULL,
    domain     text    NOT NULL,
    receivers  text    NOT NULL,           -- gmail, outlook, …, other: never a customer's own domain
    day        integer NOT NULL,
    accepted   bigint  NOT NULL,
    PRIMARY KEY (workspace, domain, receivers, day)
);

-- How many mails a domain that is new to receivers was let send on a day: taken beforehand, in small lots, so that no two take the same.
CREATE TABLE warm_up_days (
    workspace  integer NOT NULL,
    domain     text    NOT NULL,
    day        integer NOT NULL,
    taken      bigint  NOT NULL,
    PRIMARY KEY (workspace, domain, day)
);

-- Where a person let a braked domain go, and why: complaints before that do not count any more.
CREATE TABLE brake_releases (
    workspace  integer NOT NULL,
    domain     text    NOT NULL,
    receivers  text    NOT NULL,
    at         bigint  NOT NULL,
    reason     text    NOT NULL,
    actor      text    NOT NULL,           -- the key by which it was asked
    PRIMARY KEY (workspace, domain, receivers, at)
);

-- ── End of that part ────────────────────────────────────────────────────────────────────────────────────────────────
