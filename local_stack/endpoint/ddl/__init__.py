"""Databases, schemas and tables as objects: create, clone, swap, drop, undrop, describe, show."""
