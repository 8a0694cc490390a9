-- What both servers of a pair need to have, run once on the first one; the other is its copy.
--   psql -v password="$(cat replicator.password)" -f setup.sql postgres
\set ON_ERROR_STOP on

-- For streaming, for pg_rewind, and for looks at the other server.
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
GRANT pg_monitor, pg_checkpoint TO replicator;
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean) TO replicator;
GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO replicator;
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO replicator;
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO replicator;

-- The highest token that this database has seen. It is one row, and it is replicated.
CREATE SCHEMA muster;
CREATE TABLE muster.token (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  epoch bigint NOT NULL,
  instance text NOT NULL,
  node text NOT NULL
);
INSERT INTO muster.token (epoch, instance, node) VALUES (0, '', '');
GRANT USAGE ON SCHEMA muster TO PUBLIC;
GRANT SELECT ON muster.token TO PUBLIC;
