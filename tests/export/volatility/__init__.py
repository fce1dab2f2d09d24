"""The layer for Volatility 3, with and without Volatility."""
