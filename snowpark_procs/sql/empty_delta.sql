DELETE FROM staging.&{table}_delta
