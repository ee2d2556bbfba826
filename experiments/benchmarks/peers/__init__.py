"""Other libraries' optimisers, each on its own loop, for side-by-side runs."""
