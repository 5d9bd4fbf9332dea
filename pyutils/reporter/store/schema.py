"""The store's tables. SQL guards what must hold whatever the code above it does: a promise stands for ever.

SQLite's integers have 64 bits and a sign, so `uint64` and `uint256` are decimal text; times, hours and heights fit.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x67707572
"""`gpur`: in the header of the file, so that another program's database is not taken for a store."""
VERSION: Final = 1

SCHEMA: Final = """
CREATE TABLE identity (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    chain_id TEXT NOT NULL,
    oracle TEXT NOT NULL,
    signer TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('operator', 'verifier'))
) STRICT;

CREATE TABLE moved (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    archive TEXT NOT NULL,
    moved_at INTEGER NOT NULL
) STRICT;

-- The digest that the signer may sign for a moment. `link` hashes the row and all before it.
CREATE TABLE promises (
    number INTEGER NOT NULL UNIQUE CHECK (number > 0),
    chain_id TEXT NOT NULL,
    oracle TEXT NOT NULL,
    fleet_id TEXT NOT NULL,
    as_of INTEGER NOT NULL CHECK (as_of BETWEEN 0 AND 1099511627775),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    promised_at INTEGER NOT NULL,
    link BLOB NOT NULL CHECK (length(link) = 32),
    PRIMARY KEY (chain_id, oracle, fleet_id, as_of)
) STRICT;

CREATE TRIGGER promises_stand BEFORE UPDATE ON promises
BEGIN SELECT RAISE(ABORT, 'a promise is never changed'); END;
CREATE TRIGGER promises_stay BEFORE DELETE ON promises
BEGIN SELECT RAISE(ABORT, 'a promise is never deleted'); END;
-- REPLACE deletes without a delete trigger where recursive triggers are off.
CREATE TRIGGER promises_once BEFORE INSERT ON promises
WHEN EXISTS (SELECT 1 FROM promises WHERE number = NEW.number OR (chain_id = NEW.chain_id AND oracle = NEW.oracle
    AND fleet_id = NEW.fleet_id AND as_of = NEW.as_of))
BEGIN SELECT RAISE(ABORT, 'a moment is promised once'); END;
CREATE TRIGGER promises_here BEFORE INSERT ON promises
WHEN EXISTS (SELECT 1 FROM moved)
BEGIN SELECT RAISE(ABORT, 'the store was moved'); END;

-- Nothing is promised at or below, unless it was before.
CREATE TABLE watermarks (
    fleet_id TEXT PRIMARY KEY,
    as_of INTEGER NOT NULL CHECK (as_of BETWEEN 0 AND 1099511627775),
    seal BLOB NOT NULL CHECK (length(seal) = 32)
) STRICT;

CREATE TRIGGER watermarks_rise BEFORE UPDATE ON watermarks
WHEN NEW.as_of < OLD.as_of OR NEW.fleet_id <> OLD.fleet_id
BEGIN SELECT RAISE(ABORT, 'a watermark never falls'); END;
CREATE TRIGGER watermarks_stay BEFORE DELETE ON watermarks
BEGIN SELECT RAISE(ABORT, 'a watermark is never deleted'); END;

-- `base` is the report whose checkpoint this one went on from; its pages are the first of this one's.
CREATE TABLE reports (
    fleet_id TEXT NOT NULL,
    as_of INTEGER NOT NULL CHECK (as_of BETWEEN 0 AND 1099511627775),
    state TEXT NOT NULL
        CHECK (state IN ('COLLECTED', 'BUILT', 'SIGNED', 'BROADCAST', 'MINED', 'FINAL', 'SKIPPED', 'ADOPTED')),
    report TEXT,
    digest BLOB UNIQUE CHECK (length(digest) = 32),
    base INTEGER CHECK (base < as_of),
    mined_block INTEGER,
    mined_hash BLOB CHECK (length(mined_hash) = 32),
    fee_wei TEXT,
    reason TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (fleet_id, as_of),
    FOREIGN KEY (fleet_id, base) REFERENCES reports (fleet_id, as_of),
    CHECK ((report IS NULL) = (digest IS NULL)),
    CHECK (report IS NOT NULL OR state IN ('COLLECTED', 'SKIPPED'))
) STRICT;

CREATE INDEX reports_by_state ON reports (fleet_id, state, as_of);

CREATE TRIGGER reports_signed_as_promised BEFORE UPDATE OF state, digest ON reports
WHEN NEW.state IN ('SIGNED', 'BROADCAST') AND NOT EXISTS (SELECT 1 FROM promises
    WHERE fleet_id = NEW.fleet_id AND as_of = NEW.as_of AND digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'a report is signed only as promised'); END;
CREATE TRIGGER reports_begin_as_promised BEFORE INSERT ON reports
WHEN NEW.state IN ('SIGNED', 'BROADCAST') AND NOT EXISTS (SELECT 1 FROM promises
    WHERE fleet_id = NEW.fleet_id AND as_of = NEW.as_of AND digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'a report is signed only as promised'); END;

-- Pages of samples that are new, or newly whole, in a report since its base.
CREATE TABLE pages (
    fleet_id TEXT NOT NULL,
    as_of INTEGER NOT NULL,
    hour INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 4294967295),
    rows_hash BLOB NOT NULL CHECK (length(rows_hash) = 32),
    whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
    PRIMARY KEY (fleet_id, as_of, hour),
    FOREIGN KEY (fleet_id, as_of) REFERENCES reports (fleet_id, as_of)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    fleet_id TEXT NOT NULL,
    meter TEXT NOT NULL,
    as_of INTEGER NOT NULL,
    data BLOB NOT NULL,
    seal BLOB NOT NULL CHECK (length(seal) = 32),
    PRIMARY KEY (fleet_id, meter, as_of),
    FOREIGN KEY (fleet_id, as_of) REFERENCES reports (fleet_id, as_of)
) STRICT;

CREATE TABLE signatures (
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    signer TEXT NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 65),
    PRIMARY KEY (digest, signer)
) STRICT;

-- A verifier's: the newest proposal of each proposer.
CREATE TABLE proposals (
    fleet_id TEXT NOT NULL,
    proposer TEXT NOT NULL,
    as_of INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (fleet_id, proposer)
) STRICT;

-- Every form of every transaction; `place` orders the forms of a nonce.
CREATE TABLE transactions (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    account TEXT NOT NULL,
    nonce TEXT NOT NULL,
    place INTEGER NOT NULL,
    call TEXT NOT NULL,
    raw BLOB NOT NULL,
    fleet_id TEXT,
    as_of INTEGER,
    kind TEXT CHECK (kind IN ('submit', 'post', 'alone')),
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    saved_at INTEGER NOT NULL,
    CHECK ((kind IS NULL) = (fleet_id IS NULL) AND (kind IS NULL) = (as_of IS NULL))
) STRICT;

CREATE INDEX transactions_open ON transactions (account, settled);
"""
