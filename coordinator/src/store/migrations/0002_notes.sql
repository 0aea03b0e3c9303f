-- Facts that one process of the coordinator leaves for another, such as the address it listens on.

CREATE TABLE notes (
    name        TEXT PRIMARY KEY,
    value       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
