-- Without a level nothing of what the handlers log reaches the event table.
ALTER SCHEMA ops SET LOG_LEVEL = 'INFO';
ALTER SCHEMA recon SET LOG_LEVEL = 'INFO';
