-- The CRM's own tables. A CRM has more of them; these are what email touches.

CREATE TABLE IF NOT EXISTS contacts (
	id           INTEGER PRIMARY KEY,
	organization TEXT NOT NULL,
	address      TEXT NOT NULL, -- in lower case
	name         TEXT NOT NULL,
	UNIQUE (organization, address)
);

CREATE TABLE IF NOT EXISTS cases (
	id           INTEGER PRIMARY KEY,
	organization TEXT NOT NULL,
	contact      INTEGER REFERENCES contacts (id),
	subject      TEXT NOT NULL,
	status       TEXT NOT NULL DEFAULT 'open'
);

-- What makes two emails the same one is their content key: Message-ID and digest.
CREATE TABLE IF NOT EXISTS emails (
	id           INTEGER PRIMARY KEY,
	organization TEXT NOT NULL,
	message_id   TEXT NOT NULL,
	digest       TEXT NOT NULL,
	direction    TEXT NOT NULL, -- in or out
	contact      INTEGER REFERENCES contacts (id),
	case_id      INTEGER NOT NULL REFERENCES cases (id),
	subject      TEXT NOT NULL,
	text         TEXT NOT NULL,
	body         INTEGER REFERENCES bodies (id),
	UNIQUE (organization, message_id, digest)
);

-- The bytes of emails, in pieces, so that no large one is in memory whole.
CREATE TABLE IF NOT EXISTS bodies (
	id     INTEGER PRIMARY KEY,
	size   BIGINT NOT NULL,
	sha256 BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS pieces (
	body INTEGER NOT NULL REFERENCES bodies (id),
	n    INTEGER NOT NULL,
	data BLOB NOT NULL,
	PRIMARY KEY (body, n)
);

CREATE TABLE IF NOT EXISTS outbox (
	organization  TEXT NOT NULL,
	mailbox       TEXT NOT NULL,
	id            TEXT NOT NULL,
	phase         TEXT NOT NULL,
	version       BIGINT NOT NULL,
	not_before    BIGINT NOT NULL,
	claimed_until BIGINT NOT NULL,
	body          INTEGER NOT NULL REFERENCES bodies (id),
	entry         TEXT NOT NULL, -- the rest of it as JSON
	PRIMARY KEY (organization, mailbox, id)
);

-- What the library needs to remember. Ids are bytes: BLOB here, BYTEA in
-- PostgreSQL. Times are microseconds since 1970; 0 is no time.

CREATE TABLE IF NOT EXISTS sync_mailboxes (
	organization TEXT NOT NULL,
	mailbox      TEXT NOT NULL,
	state        TEXT NOT NULL DEFAULT '{}', -- JSON
	version      BIGINT NOT NULL DEFAULT 0,  -- of the state
	last_batch   TEXT NOT NULL DEFAULT '',
	added        INTEGER NOT NULL DEFAULT 0, -- by the last batch
	linked       INTEGER NOT NULL DEFAULT 0, -- by the last batch
	PRIMARY KEY (organization, mailbox)
);

CREATE TABLE IF NOT EXISTS sync_cursors (
	organization TEXT NOT NULL,
	mailbox      TEXT NOT NULL,
	folder       BLOB NOT NULL,
	lane         TEXT NOT NULL,
	cursor       BLOB NOT NULL,
	PRIMARY KEY (organization, mailbox, folder, lane)
);

-- What was decided about each id. The primary key is the delivery key.
CREATE TABLE IF NOT EXISTS sync_ids (
	organization TEXT NOT NULL,
	mailbox      TEXT NOT NULL,
	folder       BLOB NOT NULL,
	epoch        BLOB NOT NULL,
	id           BLOB NOT NULL,
	kind         TEXT NOT NULL,
	gone         BOOLEAN NOT NULL DEFAULT FALSE,
	flags        TEXT NOT NULL DEFAULT '[]', -- JSON
	reason       TEXT NOT NULL,
	received     BIGINT NOT NULL,
	email        INTEGER REFERENCES emails (id), -- if tracked
	body         INTEGER REFERENCES bodies (id), -- if quarantined
	attempts     INTEGER NOT NULL DEFAULT 0,     -- if deferred
	not_before   BIGINT NOT NULL DEFAULT 0,      -- if deferred
	turn         BIGINT NOT NULL DEFAULT 0,      -- if deferred: the oldest first
	PRIMARY KEY (organization, mailbox, folder, epoch, id)
);
CREATE INDEX IF NOT EXISTS sync_ids_deferred ON sync_ids (organization, mailbox, turn) WHERE kind = 'deferred';
CREATE INDEX IF NOT EXISTS sync_ids_quarantined ON sync_ids (organization, mailbox) WHERE kind = 'quarantined';
CREATE INDEX IF NOT EXISTS sync_ids_email ON sync_ids (email);

CREATE TABLE IF NOT EXISTS sync_acts (
	organization TEXT NOT NULL,
	mailbox      TEXT NOT NULL,
	id           TEXT NOT NULL,
	turn         BIGINT NOT NULL, -- oldest first
	kind         TEXT NOT NULL,
	folder       BLOB NOT NULL,
	epoch        BLOB NOT NULL,
	item         BLOB NOT NULL,
	target       BLOB NOT NULL,
	flag         TEXT NOT NULL,
	not_before   BIGINT NOT NULL,
	attempts     INTEGER NOT NULL,
	PRIMARY KEY (organization, mailbox, id)
);

CREATE TABLE IF NOT EXISTS sync_alerts (
	organization TEXT NOT NULL,
	mailbox      TEXT NOT NULL,
	id           TEXT NOT NULL,
	alert        TEXT NOT NULL, -- JSON
	PRIMARY KEY (organization, mailbox, id)
);
