-- The sessions behind the differences of a run, each with a cause and its part of the difference (recon.explain). The rows of a cell add up
-- to its recorded difference; what no cause explains is a row of its own.
CREATE TABLE IF NOT EXISTS recon.explanations (
    run_id STRING NOT NULL,
    date DATE NOT NULL,
    user_tier STRING,
    metric STRING NOT NULL,
    session_id STRING,                    -- NULL: unexplained, or a row of the speed layer without an identifier
    user_id STRING,
    cause STRING NOT NULL,
    detail STRING,
    speed_value NUMBER(38, 6),            -- what the session brings to the cell on each side
    batch_value NUMBER(38, 6),
    difference NUMBER(38, 6) NOT NULL
)
CLUSTER BY (date);

CREATE FILE FORMAT IF NOT EXISTS ops.parquet_files TYPE = PARQUET;
