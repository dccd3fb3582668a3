"""Labels, permuted as the design of a study allows."""
