"""Execution: scoring chunks of designs in this process, in local processes, or on Ray."""
