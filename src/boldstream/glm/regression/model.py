"""`RunModel`: what is fitted to one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.blas import one_blas_thread
from boldstream.core.errors import ParameterError
from boldstream.glm.regression.basis import Basis
from boldstream.glm.regression.functionals import Functionals
from boldstream.glm.regression.scaling import Scale

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RunModel:
    """What is fitted to a run.

    Attributes
    ----------
    design : ndarray, shape (kept volumes, regressors)
    kept : ndarray of int, optional
        Volumes that are fitted, in order; all by default.
    noise_model : str
        "ols", or "ar1", "ar2", ...
    bins : int
        Steps in which AR(1) coefficients are told apart; clusters for higher orders.
    scaling : str or None
        See `boldstream.glm.regression.scaling.scaling_of`.
    random_state : int, RandomState or None
        Seeds the clusters.

    Raises
    ------
    ParameterError
        If the noise model is none, the design is not finite or has not more
        rows than the noise has lags, or `kept` does not belong to it.

    Examples
    --------
    >>> RunModel(np.ones((40, 1)), noise_model="ar2").order
    2
    """

    design: Floats
    kept: NDArray[np.intp] | None = None
    noise_model: str = "ar1"
    bins: int = 100
    scaling: Scale | None = "voxel"
    random_state: Any = None
    order: int = field(init=False)
    basis: Basis = field(init=False)
    functionals: Functionals = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", order_of(self.noise_model))
        if not np.isfinite(self.design).all():
            raise ParameterError("a design matrix must be finite, got NaN or infinite values")
        if self.kept is not None and len(self.kept) != len(self.design):
            raise ParameterError(
                f"a design matrix must have a row for each of the {len(self.kept)} volumes that "
                f"`sample_masks` keeps, got {len(self.design)}"
            )
        if self.kept is not None and (np.diff(self.kept) <= 0).any():
            raise ParameterError("`sample_masks` must list volumes once and in order")
        if len(self.design) <= self.order:
            raise ParameterError(
                f"a design matrix must have more than {self.order} rows for noise "
                f"{self.noise_model!r}, got {len(self.design)}"
            )
        with one_blas_thread():
            basis = Basis.of(np.asarray(self.design, dtype=np.float64))
            functionals = Functionals.of(basis.columns, self.order)
        object.__setattr__(self, "basis", basis)
        object.__setattr__(self, "functionals", functionals)


def order_of(noise_model: str) -> int:
    """Lags that a noise model looks back; 0 for "ols".

    Raises
    ------
    ParameterError
        If it is neither "ols" nor "ar" and a positive integer.

    Examples
    --------
    >>> order_of("ols"), order_of("ar1"), order_of("ar3")
    (0, 1, 3)
    """
    if noise_model == "ols":
        return 0
    number = noise_model[2:] if noise_model.startswith("ar") else ""
    if not number.isdecimal() or int(number) < 1:
        # In nilearn's words, which programs that use its model may look for.
        raise ParameterError(
            "AR order must be a positive integer specified as arN, where N is an integer. "
            f"E.g. ar3; or the noise model 'ols'. You provided {noise_model}."
        )
    return int(number)
