"""Engines: fast, exact ways to solve what estimators of scikit-learn mean."""

# Modules of this package with a function `recognise`, in the order in which they are asked.
FAMILIES = ("ridge", "svm", "logistic", "lda", "bayes", "centroid", "correlation", "ridge_cv")
