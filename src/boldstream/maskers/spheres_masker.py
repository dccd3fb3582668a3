"""`NiftiSpheresMasker`: the mean around each of several seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from nilearn import maskers as nilearn_maskers
from nilearn.image import check_niimg_3d, resample_img
from nilearn.maskers._utils import compute_middle_image
from nilearn.maskers.base_masker import mask_logger
from nilearn.masking import load_mask_img, unmask
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from boldstream.core.grid import Grid
from boldstream.kernels.spheres import sphere_neighbours
from boldstream.maskers.extraction import Extraction
from boldstream.maskers.images import Images
from boldstream.maskers.options import MEMORY_LIMIT, NAN_POLICY, drop_in
from boldstream.maskers.preparing import grid_of, is_changed, prepared, region_precision
from boldstream.maskers.streamed import Streamed
from boldstream.streaming.reductions.regions import Regions


@drop_in(
    nilearn_maskers.NiftiSpheresMasker,
    nan_policy=("nilearn", NAN_POLICY),
    memory_limit=(None, MEMORY_LIMIT),
)
class NiftiSpheresMasker(Streamed, nilearn_maskers.NiftiSpheresMasker):
    """The mean around each of several seeds, in memory the size of the result.

    The same as :class:`nilearn.maskers.NiftiSpheresMasker`, but images are
    streamed: read once, in order, and smoothed on the way. Spheres are found
    in time proportional to their number, not to that of all voxels.
    """

    def _show(self, volume: Any) -> None:
        if self.mask_img_ is not None:
            volume = resample_img(
                volume,
                target_affine=self.mask_img_.affine,
                copy=False,
                interpolation="nearest",
            )
        super()._show(compute_middle_image(volume)[0])

    def _extraction(self, images: Images) -> Extraction:
        inside = None
        if self.mask_img is not None:
            mask = resample_img(
                check_niimg_3d(self.mask_img),
                target_affine=images.parts[0].affine,
                target_shape=images.grid.shape,
                interpolation="nearest",
            )
            inside, _ = load_mask_img(mask)
        rows, counts = self._spheres(images.grid, inside)
        changed = is_changed(images, None, self.smoothing_fwhm)
        regions = Regions(
            rows,
            counts,
            ids=list(range(1, len(counts) + 1)),
            names=[str(seed) for seed in self.seeds_],
            strategy="mean",
            dtype=region_precision(images.dtype, changed=changed),
            # With a mask nilearn is silent about NaN.
            nan_policy="zero" if self._silent else self.nan_policy,
            label=type(self).__name__,
        )
        reduction = prepared(
            regions,
            images,
            target=None,
            smoothing_fwhm=self.smoothing_fwhm,
            nan_policy=self.nan_policy,
        )
        return Extraction(reduction, lambda got: got.values)

    @property
    def _silent(self) -> bool:
        return self.nan_policy == "nilearn" and self.mask_img is not None

    def _spheres(self, grid: Grid, inside: Any) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Voxels of all spheres, side by side, and how many each has."""
        rows, counts = sphere_neighbours(
            grid.shape,
            grid.affine,
            np.asarray(self.seeds_, dtype=np.float64).reshape(-1, 3),
            0.0 if self.radius is None else self.radius,
            inside=inside,
            nilearn_seed_voxel=True,
        )
        if not counts.all():
            raise ValueError(f"These spheres are empty: {np.flatnonzero(counts == 0)}")
        if not self.allow_overlap and len(np.unique(rows)) < len(rows):
            raise ValueError("Overlap detected between spheres")
        return rows, counts

    def inverse_transform(self, region_signals: Any) -> Any:
        """Give every voxel of a sphere its signal; the mean of them where spheres overlap.

        Parameters
        ----------
        region_signals : array or frame, shape (columns,) or (volumes, columns)

        Returns
        -------
        image, 3-D or 4-D

        Raises
        ------
        ValueError
            If the masker has no ``mask_img``, which says where voxels are.
        """
        check_is_fitted(self)
        region_signals = self._check_array(region_signals)
        mask_logger("inverse_transform", verbose=self.verbose)
        if self.mask_img_ is None:
            raise ValueError(
                "Please provide mask_img at initialization to provide a reference for the "
                "inverse_transform."
            )
        inside, _ = load_mask_img(self.mask_img_)
        rows, counts = self._spheres(grid_of(self.mask_img_), inside)
        members = _membership(rows, counts, inside)
        if self.allow_overlap:
            members = members @ sparse.diags(1 / np.maximum(1, np.asarray(members.sum(0)).ravel()))
        image = unmask((members.T @ region_signals.T).T, self.mask_img_)
        return self._post_process_inverse_transform(region_signals, image)


def _membership(
    rows: NDArray[np.intp], counts: NDArray[np.intp], inside: NDArray[np.bool_]
) -> sparse.csr_matrix:
    """Which voxels of a mask, in the order of ``volume[mask]``, each sphere holds."""
    x, y, z = np.unravel_index(rows, inside.shape, order="F")
    position = np.cumsum(inside.ravel()).reshape(inside.shape) - 1
    columns = position[x, y, z]
    starts = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_matrix(
        (np.ones(len(rows)), columns, starts), shape=(len(counts), int(inside.sum()))
    )
