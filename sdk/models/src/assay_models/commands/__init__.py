"""One module per group of commands: each adds its parsers and has the functions behind them."""
