-- A snapshot's file of rows that were left out: a query of the explanation's statement.
SELECT
    $1:session_id::STRING AS session_id,
    $1:reason::STRING AS reason
FROM &{file} (FILE_FORMAT => ops.json_documents)
