"""DRAM behind a memory controller: devices, request traces, an event-driven simulator."""
