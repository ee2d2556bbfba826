"""Search problems with recorded or published data behind them, and their best known fronts."""
