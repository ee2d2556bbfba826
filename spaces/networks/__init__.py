"""Networks by name, as workloads."""
