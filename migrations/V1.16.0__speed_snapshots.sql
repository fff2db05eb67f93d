-- What a snapshot of the speed layer says of itself, and those that could not be loaded.

-- session_id and user_id are compared in one form: a UUID lower-case and hyphenated, anything else trimmed and in lower case.
ALTER TABLE recon.speed_sessions ADD COLUMN IF NOT EXISTS
session_id_as_stored STRING,             -- the form that it came in, where only that differs; else NULL
user_id_as_stored STRING;

ALTER TABLE recon.speed_extractions ADD COLUMN IF NOT EXISTS
set_aside_rows NUMBER(38, 0),            -- rows that could not be kept: text that is not UTF-8, a value out of range
set_aside_path STRING,                   -- where the landing has them, each with its reason
missing_columns ARRAY,                   -- columns of recon.speed_sessions that the speed layer does not have: NULL, not zero
engine STRING,                           -- of ClickHouse
read_as STRING;                          -- merged | as stored

-- The newest snapshot of a day that could not be loaded, with the reason. The day keeps the one before, and other days go on; it is
-- not tried again by ranges and tasks, until the day is extracted anew or loaded by itself.
CREATE TABLE IF NOT EXISTS recon.refused_snapshots (
    manifest STRING NOT NULL,            -- its path in the landing, which names day, time and extraction
    date DATE NOT NULL,
    extraction_id STRING NOT NULL,
    reason STRING NOT NULL,
    refused_at TIMESTAMP_NTZ NOT NULL
);

-- A whole file as one text: a document that is torn stops no other.
CREATE FILE FORMAT IF NOT EXISTS ops.whole_documents
TYPE = CSV RECORD_DELIMITER = NONE FIELD_DELIMITER = NONE ESCAPE_UNENCLOSED_FIELD = NONE REPLACE_INVALID_CHARACTERS = TRUE;
