"""The rules of the comparison: what a cell and a run can come out as, and the same as SQL. Production runs the SQL."""
