-- Tolerances are data: rows that exist keep what on-call set them to; a missing metric gets the default of five percent.
MERGE INTO recon.tolerances AS target
USING (
    SELECT
        defaults.metric,
        defaults.absolute,
        defaults.relative
    FROM (
        VALUES
        ('sessions', 0, 0.05),
        ('page_views', 0, 0.05),
        ('purchases', 0, 0.05),
        ('revenue', 0, 0.05)
    ) AS defaults (metric, absolute, relative)
) AS source
    ON target.metric = source.metric
WHEN NOT MATCHED THEN INSERT (metric, absolute, relative)
VALUES (source.metric, source.absolute, source.relative);
