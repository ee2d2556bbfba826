"""The compiled simulator of memory controllers; importing any of its modules loads numba."""
