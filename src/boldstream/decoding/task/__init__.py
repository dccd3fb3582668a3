"""What is asked: an estimator, folds, targets, a score; read once for all spheres."""
