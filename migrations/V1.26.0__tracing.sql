-- A span of a CALL reaches the event table where the handler has added an event to it: what became of each step (snowpark_procs/ledger.py).
-- The owner's role needs MODIFY TRACE LEVEL on the account (deploy/bootstrap.sql).
ALTER SCHEMA ops SET TRACE_LEVEL = 'ON_EVENT';
ALTER SCHEMA recon SET TRACE_LEVEL = 'ON_EVENT';
