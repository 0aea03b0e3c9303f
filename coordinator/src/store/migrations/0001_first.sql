-- Accounts, devices, sessions, invites, conversations and messages.

CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    folded      TEXT NOT NULL UNIQUE,
    -- Names that look alike share a skeleton (Unicode TS 39), so only one of them gets an account.
    skeleton    TEXT NOT NULL UNIQUE,
    password    TEXT NOT NULL,
    admin       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    last_seen   INTEGER
) STRICT;

CREATE TABLE devices (
    id          INTEGER PRIMARY KEY,
    -- The device's id on the wire: SHA-256 of its SubjectPublicKeyInfo.
    hash        BLOB NOT NULL UNIQUE,
    -- Its raw Ed25519 key, known from its first message on.
    public_key  BLOB
) STRICT;

CREATE TABLE account_devices (
    account     INTEGER NOT NULL REFERENCES accounts(id),
    device      INTEGER NOT NULL REFERENCES devices(id),
    name        TEXT NOT NULL,
    PRIMARY KEY (account, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE invites (
    hash        BLOB PRIMARY KEY,
    admin       INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_by     INTEGER REFERENCES accounts(id)
) STRICT, WITHOUT ROWID;

-- A refresh family: what one sign-in grew into.
CREATE TABLE sessions (
    id          TEXT PRIMARY KEY,
    account     INTEGER NOT NULL REFERENCES accounts(id),
    device      INTEGER NOT NULL REFERENCES devices(id),
    used_at     INTEGER NOT NULL,
    revoked     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE refresh_tokens (
    hash        BLOB PRIMARY KEY,
    session     TEXT NOT NULL REFERENCES sessions(id),
    -- 0 unused, 1 predecessor of the unused ones, 2 spent.
    state       INTEGER NOT NULL,
    issued_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session, state, issued_at);

CREATE TABLE conversations (
    id          INTEGER PRIMARY KEY,
    hash        BLOB NOT NULL UNIQUE,
    -- Both null for the lobby; in the order of the folded names for a direct conversation.
    one         INTEGER REFERENCES accounts(id),
    other       INTEGER REFERENCES accounts(id)
) STRICT;

-- A rowid table with one more index: half the work of any other layout tried.
CREATE TABLE messages (
    -- conversation * 2^32 + seq, so that a conversation lies together, in order.
    place       INTEGER PRIMARY KEY,
    device      INTEGER NOT NULL,
    id          BLOB NOT NULL,
    at          INTEGER NOT NULL,
    envelope    TEXT NOT NULL,
    signature   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_once ON messages (device, id);
