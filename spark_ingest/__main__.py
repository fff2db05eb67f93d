"""`python -m spark_ingest`: see `cli.py`."""

from spark_ingest.cli import main

raise SystemExit(main())
