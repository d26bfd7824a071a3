-- Text that names things is compared as resource-manager ids are: without the case of ASCII letters.

-- `check` holds a text sealed with the instance key, so that a wrong key is told at start.
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE service (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription TEXT NOT NULL COLLATE NOCASE,
    resource_group TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    location TEXT NOT NULL,
    sku_name TEXT NOT NULL,
    sku_capacity INTEGER NOT NULL,
    tags TEXT NOT NULL,
    body TEXT NOT NULL,
    etag TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT;

-- A loaded resource says revision 0; `base_revision` is the swap that made its generation live.
CREATE TABLE generation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('loading', 'live', 'former')),
    origin TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    replaced_at INTEGER,
    base_revision INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX generation_by_service ON generation (service);

-- Generations whose resources are still to be deleted, a few at a time.
CREATE TABLE garbage (generation INTEGER PRIMARY KEY) STRICT;

-- How many resources of each type a generation holds; also the list of types to look below.
CREATE TABLE resource_type (
    generation INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    resources INTEGER NOT NULL,
    PRIMARY KEY (generation, name)
) STRICT, WITHOUT ROWID;

-- In the order of a snapshot. A collection, a type and a subtree (one range for each type below) are
-- ranges of the one key, so there is no other index to keep.
CREATE TABLE resource (
    generation INTEGER NOT NULL,
    type TEXT NOT NULL COLLATE NOCASE,
    path TEXT NOT NULL COLLATE NOCASE,
    etag TEXT NOT NULL,
    revision INTEGER NOT NULL,
    properties TEXT NOT NULL,
    secrets BLOB,
    PRIMARY KEY (generation, type, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
    service INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('put', 'deleted', 'swapped', 'service')),
    path TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (service, revision, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE operation (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    service INTEGER NOT NULL,
    verb TEXT NOT NULL CHECK (verb IN ('backup', 'restore', 'update')),
    digest TEXT NOT NULL,
    request BLOB,
    owner TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
    result TEXT,
    status INTEGER,
    code TEXT,
    message TEXT,
    phase TEXT NOT NULL DEFAULT '',
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX operation_by_service ON operation (service, sequence);
CREATE UNIQUE INDEX operation_running ON operation (service) WHERE state = 'running';

CREATE TABLE record (
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
