"""The feasible set: integer constraints, propagation, exact enumeration, uniform sampling, repair."""
