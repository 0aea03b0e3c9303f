-- Devices whose earlier peer credentials are void, and the version of the list of them.

CREATE TABLE revocations (
    device      INTEGER PRIMARY KEY REFERENCES devices(id),
    account     INTEGER NOT NULL REFERENCES accounts(id),
    -- Credentials issued at or before this moment are void.
    before      INTEGER NOT NULL
) STRICT;

CREATE TABLE revocation_list (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    version     INTEGER NOT NULL
) STRICT;
INSERT INTO revocation_list VALUES (1, 0);
