"""Hardware targets: what a choice costs."""
