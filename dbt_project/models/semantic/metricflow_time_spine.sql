-- Every day of a century: what a semantic layer joins metrics to, so that days without a row are seen as such.
SELECT DATEADD('day', ROW_NUMBER() OVER (ORDER BY NULL) - 1, TO_DATE('2000-01-01', 'YYYY-MM-DD')) AS date_day
FROM TABLE(GENERATOR(ROWCOUNT => 36525))
