"""Deployment: what a pipeline runs around schemachange, against any account (docs/warehouse.md)."""
