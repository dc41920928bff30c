CREATE TABLE about ( version INTEGER NOT NULL )
CREATE TABLE claims ( search INTEGER NOT NULL, pool TEXT NOT NULL, demand INTEGER NOT NULL, room INTEGER NOT NULL, priority INTEGER NOT NULL, weight INTEGER NOT NULL, PRIMARY KEY (search) )
CREATE TABLE events ( search INTEGER NOT NULL, seq INTEGER NOT NULL, time FLOAT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, digest BLOB, link BLOB, PRIMARY KEY (search, seq), FOREIGN KEY(search) REFERENCES searches (id) )
CREATE INDEX ix_requests_search ON requests (search)
CREATE TABLE leases ( search INTEGER NOT NULL, epoch INTEGER NOT NULL, until FLOAT NOT NULL, holder TEXT NOT NULL, attempt TEXT NOT NULL, PRIMARY KEY (search) )
CREATE UNIQUE INDEX one_claim_per_search ON events (search) WHERE kind = 'TestClaimed'
CREATE TABLE requests ( number INTEGER NOT NULL, search TEXT NOT NULL, time FLOAT NOT NULL, user TEXT NOT NULL, field TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (number) )
CREATE TABLE searches ( id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (name) )
CREATE TABLE summaries ( search INTEGER NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (search) )
