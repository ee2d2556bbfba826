"""Design spaces: what may be chosen."""
