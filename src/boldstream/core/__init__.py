"""What every layer may use: errors, grids, limits, budgets, checks."""
