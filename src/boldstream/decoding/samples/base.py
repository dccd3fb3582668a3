"""`Samples`: values of voxels that are read for some voxels at a time."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import NonFiniteError
from boldstream.io.masks import Mask

SamplesNanPolicy: TypeAlias = Literal["raise", "exclude", "zero"]


class Samples(Protocol):
    """Samples of the voxels of a mask, wherever they are kept.

    Several threads may read at a time. Leaving a ``with`` block closes them.
    """

    @property
    def mask(self) -> Mask | None:
        """The voxels, where they lie on a grid."""

    @property
    def usable(self) -> NDArray[np.bool_] | None:
        """Which voxels may belong to spheres, one bool for each; None: all."""

    @property
    def n_samples(self) -> int: ...

    @property
    def n_voxels(self) -> int: ...

    @property
    def scratch_bytes(self) -> int:
        """Memory that reading takes in passing, at most, beside what it returns."""

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Values of some voxels.

        Parameters
        ----------
        rows : ndarray of int
            Positions in ``data[mask]``, ascending.

        Returns
        -------
        ndarray, shape (len(rows), samples), float32
            The caller's own, in C order.
        """

    def close(self) -> None:
        """Let go of files."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Closing:
    """A ``with`` block that closes what it was entered with."""

    def close(self) -> None:
        """Nothing to let go of."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def usable_voxels(
    finite: NDArray[np.bool_], policy: SamplesNanPolicy, name: str
) -> NDArray[np.bool_] | None:
    """Which voxels may belong to spheres; None: all.

    Parameters
    ----------
    finite : ndarray of bool, shape (voxels,)
        Which voxels hold no NaN and no infinity.
    policy : {"raise", "exclude", "zero"}
    name : str
        What errors call the samples.

    Raises
    ------
    NonFiniteError
        If the policy is "raise" and a voxel is not finite, or it is "exclude"
        and none is.
    """
    if finite.all() or policy == "zero":
        return None
    if policy == "exclude" and finite.any():
        return finite
    n = int(np.count_nonzero(~finite))
    message = (
        f"{name} must hold finite numbers, got NaN or infinity in {n} of {len(finite)} voxels "
        "of the mask"
    )
    if policy == "raise":
        message += (
            "; nan_policy='exclude' leaves these voxels out of all spheres, and "
            "nan_policy='zero' counts NaN and infinity as 0, as nilearn does"
        )
    raise NonFiniteError(message)


def zero_nonfinite(values: NDArray[np.float32], finite: NDArray[np.bool_]) -> None:
    """Put 0 for NaN and infinity in those rows of `values` that are not finite, in place."""
    for row in np.flatnonzero(~finite):
        values[row, ~np.isfinite(values[row])] = 0
