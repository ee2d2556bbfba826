"""Parts of surrogate-assisted search: starts, models, candidates, and the gain in hypervolume."""
