"""The exceptions of this package, one tree.

MonitoringError
├── ConfigError     a setting or an argument is wrong
├── LedgerError     the warehouse cannot be reached, or does not answer what is asked
└── PrometheusError the same, of Prometheus
"""

from __future__ import annotations


class MonitoringError(Exception):
    """Base of everything that this package raises on purpose."""

    exit_code = 1


class ConfigError(MonitoringError):
    exit_code = 2


class LedgerError(MonitoringError):
    exit_code = 3


class PrometheusError(MonitoringError):
    exit_code = 4
