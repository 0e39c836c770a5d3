"""How a backtest is told: as text, as a picture, as JSON."""
