"""Search: which choice next."""
