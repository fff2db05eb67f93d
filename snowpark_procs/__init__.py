"""The code that runs inside Snowflake: thin handlers over pure functions and named SQL statements (folder `sql`).

Rows never travel through this Python: a handler reads a manifest, sends set-based statements and compares totals.
"""
