-- The dates that a batch in the landing is about.
SELECT
    TO_JSON($1:affected_dates) AS affected_dates,
    $1:max_session_hours::NUMBER(18, 6) AS max_session_hours,
    TO_JSON($1:datasets:user_sessions:files) AS session_files
FROM @raw.landing/&{path} (FILE_FORMAT => ops.json_documents)
