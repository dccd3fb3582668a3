"""The GLM of one run: sums from one pass, and the fit that is made of them."""

from boldstream.glm.regression.fit import RunFit
from boldstream.glm.regression.model import RunModel, order_of
from boldstream.glm.regression.reduction import RunGLM, fit_signals

__all__ = ["RunFit", "RunGLM", "RunModel", "fit_signals", "order_of"]
