"""Metrics and traces: what the stages call, and the only place where OpenTelemetry is imported.

The record functions take plain values and cost next to nothing while nothing is exported: the SDK
is not even imported then. `providers.start` turns them on, in each process for itself.
"""
