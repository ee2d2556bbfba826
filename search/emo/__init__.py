"""Kernels of evolutionary multi-objective optimisation: pure array functions, one code for NumPy and PyTorch, CPU or GPU."""
