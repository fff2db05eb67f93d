-- location: a literal. The file as one text, torn or not.
SELECT $1 AS document
FROM &{location} (FILE_FORMAT => ops.whole_documents)
