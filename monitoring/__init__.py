"""Tells Prometheus how the pipeline is: an exporter over the warehouse's ledger, alert rules, a dashboard."""
