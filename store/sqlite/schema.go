package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// pageSize is the size of the database's pages. A message of 30 KB takes two, so
// that little is spent per page, and a commit of one small message still writes
// no more than some 100 KB.
const pageSize = 16 << 10

// steps are the migrations: step i takes the schema from version i to i+1. A step
// that was released never changes.
var steps = []string{
	`
CREATE TABLE sync_mailboxes (
	id           INTEGER PRIMARY KEY,
	organization TEXT NOT NULL,
	mailbox      TEXT NOT NULL,
	state        TEXT NOT NULL DEFAULT '{}', -- JSON
	version      INTEGER NOT NULL DEFAULT 0, -- of state
	fence        INTEGER NOT NULL DEFAULT 0,
	holder       TEXT,                       -- of the lease; NULL if there is none
	leased_until INTEGER,
	last_batch   TEXT NOT NULL DEFAULT '',
	last_added   INTEGER NOT NULL DEFAULT 0, -- what the last batch's receipt said
	last_linked  INTEGER NOT NULL DEFAULT 0,
	UNIQUE (organization, mailbox)
);

CREATE TABLE sync_cursors (
	id      INTEGER PRIMARY KEY,
	mailbox INTEGER NOT NULL,
	folder  TEXT NOT NULL,
	lane    TEXT NOT NULL,
	cursor  BLOB NOT NULL,
	UNIQUE (mailbox, folder, lane)
);

-- An id space: ids mean something only within a folder and epoch.
CREATE TABLE sync_spaces (
	id      INTEGER PRIMARY KEY,
	mailbox INTEGER NOT NULL,
	folder  TEXT NOT NULL,
	epoch   TEXT NOT NULL,
	UNIQUE (mailbox, folder, epoch)
);

-- What is recorded of each id. Its primary key is the delivery key.
CREATE TABLE sync_places (
	space    INTEGER NOT NULL,
	id       TEXT NOT NULL,
	kind     TEXT NOT NULL, -- tracked, ignored, deferred or quarantined
	gone     INTEGER NOT NULL DEFAULT 0,
	flags    TEXT,          -- a JSON array; NULL if they were never told
	received INTEGER,
	message  INTEGER,       -- for tracked
	reason   TEXT,
	PRIMARY KEY (space, id)
) WITHOUT ROWID;
CREATE INDEX sync_places_message ON sync_places (message) WHERE message IS NOT NULL;

-- What a deferred place waits for.
CREATE TABLE sync_deferrals (
	seq        INTEGER PRIMARY KEY,
	mailbox    INTEGER NOT NULL,
	space      INTEGER NOT NULL,
	id         TEXT NOT NULL,
	attempts   INTEGER NOT NULL,
	not_before INTEGER,
	UNIQUE (space, id)
);
CREATE INDEX sync_deferrals_mailbox ON sync_deferrals (mailbox);

-- The bytes of a quarantined place, NULL if they could not be had.
CREATE TABLE sync_quarantine (
	space INTEGER NOT NULL,
	id    TEXT NOT NULL,
	blob  INTEGER,
	PRIMARY KEY (space, id)
) WITHOUT ROWID;

-- content is the content key: SHA-256 of organization and Message-ID, then of the
-- digest, the first 16 bytes of each. It is short because it is random.
CREATE TABLE sync_messages (
	id           INTEGER PRIMARY KEY,
	content      BLOB NOT NULL UNIQUE,
	organization TEXT NOT NULL,
	message_id   TEXT NOT NULL,
	digest       TEXT NOT NULL,
	date         INTEGER, -- seconds since 1970
	subject      TEXT NOT NULL,
	from_name    TEXT,
	from_address TEXT,
	header       TEXT NOT NULL, -- JSON: the other addresses and the ids referred to
	attachments  TEXT,          -- a JSON array
	text         TEXT NOT NULL, -- the start of the text
	blob         INTEGER        -- the message, byte for byte
);
CREATE INDEX sync_messages_organization ON sync_messages (organization);

-- A blob's bytes are its chunks: blob * 1048576 + 0, 1, 2 …, 64 KiB each.
CREATE TABLE sync_blobs (
	id     INTEGER PRIMARY KEY,
	size   INTEGER NOT NULL,
	sha256 BLOB NOT NULL
);
CREATE TABLE sync_chunks (
	id   INTEGER PRIMARY KEY,
	data BLOB NOT NULL
);

CREATE TABLE sync_acts (
	seq        INTEGER PRIMARY KEY,
	mailbox    INTEGER NOT NULL,
	id         TEXT NOT NULL,
	kind       TEXT NOT NULL,
	folder     TEXT NOT NULL,
	epoch      TEXT NOT NULL,
	item       TEXT NOT NULL,
	target     TEXT NOT NULL,
	flag       TEXT NOT NULL,
	not_before INTEGER,
	attempts   INTEGER NOT NULL,
	UNIQUE (mailbox, id)
);

CREATE TABLE sync_alerts (
	seq     INTEGER PRIMARY KEY,
	mailbox INTEGER NOT NULL,
	id      TEXT NOT NULL,
	alert   TEXT NOT NULL, -- JSON
	UNIQUE (mailbox, id)
);

CREATE TABLE sync_outbox (
	mailbox       INTEGER NOT NULL,
	id            TEXT NOT NULL,
	phase         TEXT NOT NULL,
	version       INTEGER NOT NULL,
	sender        TEXT NOT NULL,
	recipients    TEXT NOT NULL, -- a JSON array
	message_id    TEXT NOT NULL,
	blob          INTEGER,
	report        INTEGER NOT NULL,
	not_before    INTEGER,
	attempts      INTEGER NOT NULL,
	queued        INTEGER,
	submitted     INTEGER,
	claimer       TEXT NOT NULL,
	claimed_until INTEGER,
	reason        TEXT NOT NULL,
	PRIMARY KEY (mailbox, id)
) WITHOUT ROWID;
CREATE INDEX sync_outbox_phase ON sync_outbox (mailbox, phase);
CREATE INDEX sync_outbox_due ON sync_outbox (mailbox, not_before)
	WHERE phase NOT IN ('done', 'held', 'canceled');

CREATE TABLE sync_grants (
	mailbox INTEGER PRIMARY KEY,
	version INTEGER NOT NULL,
	sealed  BLOB NOT NULL
);
`,

	// Walls and journal. Alerts of version 1 told of something once and named their
	// side otherwise; they are open, as nothing tells that they are over.
	`
-- told is when the alert was told last; a zero time is before all others.
ALTER TABLE sync_alerts ADD COLUMN told INTEGER NOT NULL DEFAULT -9223372036854775808;
ALTER TABLE sync_alerts ADD COLUMN open INTEGER NOT NULL DEFAULT 1;
UPDATE sync_alerts SET
	told = CASE WHEN alert ->> '$.at' < '1678' THEN told ELSE
		CAST(unixepoch(substr(alert ->> '$.at', 1, 19) || substr(alert ->> '$.at', CASE WHEN alert ->> '$.at' LIKE '%Z' THEN -1 ELSE -6 END)) * 1000000000
			+ CAST(round(CAST('0' || substr(alert ->> '$.at', 20) AS REAL) * 1e9) AS INTEGER) AS INTEGER) END,
	alert = json_set(json_remove(alert, '$.direction'), '$.count', 1, '$.level', 'warning', '$.side', coalesce(alert ->> '$.direction', ''));
CREATE INDEX sync_alerts_told ON sync_alerts (mailbox, told DESC, id);
CREATE INDEX sync_alerts_open ON sync_alerts (mailbox, told DESC, id) WHERE open;

CREATE TABLE sync_profile_alerts (
	seq          INTEGER PRIMARY KEY,
	organization TEXT NOT NULL,
	profile      TEXT NOT NULL,
	id           TEXT NOT NULL,
	alert        TEXT NOT NULL, -- JSON
	told         INTEGER NOT NULL,
	open         INTEGER NOT NULL,
	UNIQUE (organization, profile, id)
);
CREATE INDEX sync_profile_alerts_told ON sync_profile_alerts (organization, profile, told DESC, id);
CREATE INDEX sync_profile_alerts_open ON sync_profile_alerts (organization, profile, told DESC, id) WHERE open;
CREATE INDEX sync_profile_alerts_old ON sync_profile_alerts (organization, told);

-- What became of each item that failed or was skipped.
CREATE TABLE sync_journal (
	mailbox INTEGER NOT NULL,
	side    TEXT NOT NULL,
	folder  TEXT NOT NULL, -- '' for an outbox entry, and so is epoch
	epoch   TEXT NOT NULL,
	id      TEXT NOT NULL,
	kind    TEXT NOT NULL,
	code    TEXT NOT NULL,
	reason  TEXT NOT NULL,
	tries   INTEGER NOT NULL,
	first   INTEGER,
	last    INTEGER NOT NULL,
	PRIMARY KEY (mailbox, side, folder, epoch, id)
) WITHOUT ROWID;
CREATE INDEX sync_journal_last ON sync_journal (mailbox, last);
`,

	// Tracking: emails that may be answered, verdicts, numbers.
	`
-- What is known of an email that another one may answer. Its Ref is (ref_type, ref_id).
CREATE TABLE sync_emails (
	id           INTEGER PRIMARY KEY,
	organization TEXT NOT NULL,
	ref_type     TEXT NOT NULL,
	ref_id       TEXT NOT NULL,
	own          INTEGER NOT NULL, -- the Ref is this package's, not the host's
	enqueued     INTEGER NOT NULL, -- it was sent by way of the outbox
	sent         INTEGER NOT NULL, -- a zero time is before all others
	email        TEXT NOT NULL     -- JSON: track.Email but for ref and sent
);

-- What emails are found by. key is the start of SHA-256 of a kind, the organization and
-- a value: a Message-ID or the Ref, with sent 0; the token, the conversation, a word or
-- a person, with when the email was sent.
CREATE TABLE sync_email_keys (
	key   INTEGER NOT NULL,
	sent  INTEGER NOT NULL,
	email INTEGER NOT NULL,
	PRIMARY KEY (key, sent, email)
) WITHOUT ROWID;

ALTER TABLE sync_messages ADD COLUMN email INTEGER; -- of sync_emails; NULL if it is not to be found
CREATE INDEX sync_messages_email ON sync_messages (email) WHERE email IS NOT NULL;
ALTER TABLE sync_outbox ADD COLUMN email_index TEXT; -- JSON: track.Email as it was enqueued; NULL if there is none
ALTER TABLE sync_mailboxes ADD COLUMN number INTEGER NOT NULL DEFAULT 0; -- that was given last

-- Why a message was tracked or not, as it was decided.
CREATE TABLE sync_verdicts (
	seq          INTEGER PRIMARY KEY,
	organization TEXT NOT NULL,
	mailbox      INTEGER NOT NULL,
	folder       TEXT NOT NULL,
	epoch        TEXT NOT NULL,
	id           TEXT NOT NULL,
	message_id   TEXT NOT NULL,
	kind         TEXT NOT NULL,
	reason       TEXT NOT NULL,
	verdict      TEXT NOT NULL, -- JSON
	decided      INTEGER NOT NULL,
	UNIQUE (mailbox, folder, epoch, id)
);
CREATE INDEX sync_verdicts_message ON sync_verdicts (organization, message_id, decided DESC);
CREATE INDEX sync_verdicts_decided ON sync_verdicts (organization, decided);
`,
}

// migrate brings the schema to the version that this package works with, one
// transaction a step.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	for {
		done, err := migrateStep(ctx, db, steps)
		if done || err != nil {
			return err
		}
	}
}

// migrateStep reads the version inside the transaction, since another process may
// be migrating as well.
func migrateStep(ctx context.Context, db *sql.DB, steps []string) (done bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return false, err
	}
	switch {
	case version > len(steps):
		return false, fmt.Errorf("sqlite: the database has schema version %d and this program knows versions up to %d: use a newer program", version, len(steps))
	case version == len(steps):
		return true, nil
	}
	if _, err := tx.ExecContext(ctx, steps[version]); err != nil {
		return false, fmt.Errorf("sqlite: migrating the schema from version %d: %w", version, err)
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version+1)); err != nil {
		return false, err
	}
	return false, tx.Commit()
}
