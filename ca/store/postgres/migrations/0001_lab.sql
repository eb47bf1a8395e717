-- serves: 1
-- Texts that are keys compare byte by byte, whatever the language of the database.

CREATE TABLE lab (
  one    boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq    bigint NOT NULL DEFAULT 0,
  hash   bytea  NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
  issued bigint NOT NULL DEFAULT 0,
  copied text -- head of the feed of a lab that is being copied here: nobody else uses the database until then
) WITH (fillfactor = 10);
INSERT INTO lab DEFAULT VALUES;

CREATE TABLE authorities (
  id          text COLLATE "C" PRIMARY KEY,
  certificate bytea  NOT NULL,
  revision    bigint NOT NULL DEFAULT 0, -- count of changes of status
  issued      bigint NOT NULL DEFAULT 0, -- certificates
  listed      bigint NOT NULL DEFAULT 0, -- entries of the full CRL
  form        text   NOT NULL DEFAULT 'faithful', -- of crl_chunks
  crl         json   NOT NULL DEFAULT '{}', -- store.CRLState
  dropped     timestamptz -- up to which end of validity expired certificates left the CRL
) WITH (fillfactor = 50);

CREATE TABLE certificates (
  number     bigint PRIMARY KEY, -- in the order of issue, over all authorities
  authority  text COLLATE "C" NOT NULL,
  serial     bytea NOT NULL,
  profile    text  NOT NULL,
  holder     json  NOT NULL,
  card       text COLLATE "C",
  identifier text COLLATE "C",
  not_before timestamptz NOT NULL,
  not_after  timestamptz NOT NULL,
  issued_at  timestamptz NOT NULL,
  own_key    boolean NOT NULL,
  der        bytea NOT NULL
);
CREATE INDEX certificates_card ON certificates (card) WHERE card IS NOT NULL;
CREATE INDEX certificates_identifier ON certificates (identifier) WHERE identifier IS NOT NULL;

CREATE TABLE statuses (
  authority  text COLLATE "C" NOT NULL,
  serial     bytea NOT NULL,
  number     bigint, -- of certificates; null where only the revocation is known
  not_after  timestamptz NOT NULL,
  revoked    boolean NOT NULL DEFAULT false,
  revoked_at timestamptz, -- kept after a hold, for the delta CRL
  reason     smallint NOT NULL DEFAULT 0, -- 8 after a hold
  invalidity timestamptz,
  listed_by  bigint NOT NULL DEFAULT 0, -- the revision that put it on the CRL
  listed     boolean NOT NULL DEFAULT false,
  PRIMARY KEY (authority, serial)
) WITH (fillfactor = 90);
CREATE INDEX statuses_listed ON statuses (authority, not_after) WHERE listed;

CREATE TABLE crl_chunks (
  authority text COLLATE "C" NOT NULL,
  at        bigint NOT NULL, -- of the first entry, seconds since 1970
  place     bigint NOT NULL, -- of the first entry among those of its second
  revision  bigint NOT NULL, -- that changed the chunk last
  entries   bytea  NOT NULL,
  PRIMARY KEY (authority, at, place)
);
ALTER TABLE crl_chunks ALTER COLUMN entries SET STORAGE EXTERNAL; -- so that the keys are read without them

CREATE TABLE crl_changes (
  authority text COLLATE "C" NOT NULL,
  revision  bigint NOT NULL,
  serial    bytea  NOT NULL,
  PRIMARY KEY (authority, revision)
);

CREATE TABLE feed (
  seq   bigint PRIMARY KEY,
  entry text NOT NULL -- as it is hashed
);

CREATE TABLE document_kinds (
  kind    text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL -- the last one given
) WITH (fillfactor = 50);

CREATE TABLE documents (
  kind    text COLLATE "C" NOT NULL,
  key     text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  expires timestamptz,
  value   bytea NOT NULL,
  PRIMARY KEY (kind, key)
);
CREATE INDEX documents_expires ON documents (expires) WHERE expires IS NOT NULL;

CREATE UNLOGGED TABLE nodes (
  id      text PRIMARY KEY,
  name    text   NOT NULL,
  started timestamptz NOT NULL,
  seen    timestamptz NOT NULL,
  acked   bigint NOT NULL -- all its followers have taken the feed up to there
) WITH (fillfactor = 10);
