-- Idempotent, and safe for several services that start at once: the lock makes them take turns, and the commit gives it back.
-- Without it two `CREATE TABLE IF NOT EXISTS` can both find nothing, and one of them fails.
BEGIN;
SET LOCAL statement_timeout = 0; -- An index on a large table takes longer than a request may.
SET LOCAL client_min_messages = warning; -- "already exists, skipping" is no news.
SELECT pg_advisory_xact_lock(hashtext('direct-write schema'));

CREATE TABLE IF NOT EXISTS post (
    id         uuid        PRIMARY KEY,
    content    text        NOT NULL,
    created_at timestamptz NOT NULL
);

-- The order of every list: newest first.
CREATE INDEX IF NOT EXISTS post_newest_first ON post (created_at DESC, id DESC);
COMMIT;
