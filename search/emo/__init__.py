"""Kernels of evolutionary multi-objective search: pure array functions, one code for NumPy and PyTorch, CPU or GPU."""
