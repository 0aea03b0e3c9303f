-- What names look like: an account has up to two looks, and none of another's.
-- Takes the place of accounts.skeleton, which knew only one of them.

CREATE TABLE looks (
    look        TEXT PRIMARY KEY,
    account     INTEGER NOT NULL REFERENCES accounts(id)
) STRICT, WITHOUT ROWID;
