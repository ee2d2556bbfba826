"""Tables of others, as measurements."""
