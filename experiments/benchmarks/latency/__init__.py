"""Few-shot latency and energy prediction: measured tables, published sets of devices, figures to compare with."""
