"""General linear models and trial betas, each from one decode of every image."""

from boldstream.glm.betas import StoredBetas, TrialBetas, open_betas, trial_betas
from boldstream.glm.first_level import FirstLevel, first_level_from_bids
from boldstream.glm.regression import RunFit, RunGLM, RunModel
from boldstream.glm.trials import FractionalRidge, TrialDesign, make_trial_design

__all__ = [
    "FirstLevel",
    "FractionalRidge",
    "RunFit",
    "RunGLM",
    "RunModel",
    "StoredBetas",
    "TrialBetas",
    "TrialDesign",
    "first_level_from_bids",
    "make_trial_design",
    "open_betas",
    "trial_betas",
]
