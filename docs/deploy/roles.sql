-- Roles of Mail Service in a database of its own. Run it as a superuser, connected to that database:
-- once before the first migration, and again after it and after every upgrade, for what the
-- migrations have made since. To run it once more than needed does no harm.
--
--   mailowner    owns the schema `mail` and its tables; only migrations log in as it
--   mailservice  runs the processes: reads and writes rows, and can change no table
--   mailreport   reads states and outcomes; no content of mails, no keys
--
-- The roles have no password and cannot log in with one until somebody sets it, which psql's
-- \password does without the password in a log.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['mailowner', 'mailservice', 'mailreport'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT', wanted);
    END IF;
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO mailowner, mailservice, mailreport',
                 current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS mail AUTHORIZATION mailowner;
GRANT USAGE ON SCHEMA mail TO mailservice, mailreport;

-- What is there, and what migrations will make.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mail TO mailservice;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA mail TO mailservice;
ALTER DEFAULT PRIVILEGES FOR ROLE mailowner IN SCHEMA mail
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mailservice;
ALTER DEFAULT PRIVILEGES FOR ROLE mailowner IN SCHEMA mail
  GRANT USAGE ON SEQUENCES TO mailservice;

-- A report that keeps a transaction open keeps the queue's dead rows too, and claims become slow.
-- Reports that take longer belong on a replica.
ALTER ROLE mailreport SET default_transaction_read_only = on;
ALTER ROLE mailreport SET statement_timeout = '30s';
ALTER ROLE mailreport SET idle_in_transaction_session_timeout = '5s';

DO $$
BEGIN
  IF to_regclass('mail.django_migrations') IS NOT NULL THEN
    REVOKE INSERT, UPDATE, DELETE ON mail.django_migrations FROM mailservice;
  END IF;
  -- Columns by name: one that a later version adds is hidden until somebody has looked at it.
  IF to_regclass('mail.deliveries') IS NOT NULL THEN
    GRANT SELECT (
      id, delivery_id, source, payload_mode, status, attempt_count, next_attempt_at, send_at,
      expires_at, last_failure_code, recipients_accepted, template_id, locale, locale_used,
      catalog_digest, request_id, requested_at, created_at, rendered_at, finished_at
    ) ON mail.deliveries TO mailreport;
    GRANT SELECT (
      id, delivery_pk, attempt_no, lane, status, worker_id, scheduled_for, started_at, finished_at,
      phase, outcome_unknown, failure_code, smtp_code, enhanced_code
    ) ON mail.attempts TO mailreport;
    GRANT SELECT (delivery_pk, failure_code, attempt_count, recorded_at)
      ON mail.dead_letters TO mailreport;
    GRANT SELECT (id, stream, stream_entry_id, source, failure_code, recorded_at)
      ON mail.malformed_commands TO mailreport;
    GRANT SELECT ON mail.holds, mail.stream_cursors, mail.workers TO mailreport;
  END IF;
END
$$;
