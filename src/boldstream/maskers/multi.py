"""The Multi maskers: many images, streamed side by side within one memory budget."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Lock
from typing import Any, get_args

from nilearn import maskers as nilearn_maskers
from nilearn._utils.helpers import stringify_path
from nilearn.nilearn_typing import NiimgLike
from sklearn.utils.validation import check_is_fitted

from boldstream.maskers.confounds import load_confounds
from boldstream.maskers.extraction import Extracted, Extraction
from boldstream.maskers.images import Images, open_images
from boldstream.maskers.labels_masker import NiftiLabelsMasker
from boldstream.maskers.maps_masker import NiftiMapsMasker
from boldstream.maskers.nifti_masker import NiftiMasker
from boldstream.maskers.options import KEEP_ALL_LABELS, MEMORY_LIMIT, NAN_POLICY, drop_in
from boldstream.maskers.streamed import Streamed, recall
from boldstream.signal.caller import warnings_at_caller
from boldstream.streaming.many import stream_each


class StreamedEach(Streamed):
    """Lists of images: one series for each of them."""

    n_jobs: int

    def _each(self, imgs: Any) -> list[Images]:
        return [] if imgs is None else [open_images(one) for one in _listed(imgs)]

    @warnings_at_caller()
    def transform(self, imgs: Any, confounds: Any = None, sample_mask: Any = None) -> Any:
        """Extract and clean signals from one image or each of several.

        Parameters
        ----------
        imgs : image or list of images
        confounds, sample_mask : list, optional
            One for each image.

        Returns
        -------
        ndarray, shape (volumes, columns), or list of these
        """
        check_is_fitted(self)
        for name, value in (("confounds", confounds), ("sample_mask", sample_mask)):
            if not (value is None or isinstance(value, list)):
                raise TypeError(f"'{name}' must be a None or a list. Got {type(value).__name__}.")
        if isinstance(imgs, get_args(NiimgLike)):
            return super().transform(
                imgs,
                confounds=confounds[0] if confounds else confounds,
                sample_mask=sample_mask[0] if sample_mask else sample_mask,
            )
        return self.transform_imgs(
            imgs, confounds=confounds, sample_mask=sample_mask, n_jobs=self.n_jobs
        )

    @warnings_at_caller()
    def transform_imgs(
        self,
        imgs_list: Any,
        confounds: Any = None,
        n_jobs: int = 1,
        sample_mask: Any = None,
        copy: bool = True,
    ) -> list[Any]:
        """Extract and clean signals from each of several images.

        Parameters
        ----------
        imgs_list : list of images
        confounds, sample_mask : list, optional
            One for each image.
        n_jobs : int
            Images that are read at the same time, as far as memory allows.

        Returns
        -------
        list of ndarray, shape (volumes, columns)
        """
        del copy
        check_is_fitted(self)
        each = [open_images(imgs) for imgs in _listed(imgs_list)]
        tasks = []
        for images, confound, mask in zip(
            each,
            self._prepare_confounds(each, confounds),
            self._prepare_sample_mask(each, sample_mask),
            strict=True,
        ):
            found, kept = load_confounds(images, confound, mask)
            self._check_cleaning(images, found, kept)
            tasks.append((images, found, kept))
        tasks = [
            (images, self._with_high_variance(images, found), kept) for images, found, kept in tasks
        ]
        keys = [self._cache_key(*task) for task in tasks]
        return self._recalled(keys, tasks, n_jobs)

    def _recalled(self, keys: Sequence[Any], tasks: Sequence[Any], n_jobs: int) -> list[Any]:
        """What is cached; the rest computed together."""
        cached = self._cache(recall, ignore=["compute"], shelve=self._is_shelving)
        function = cached.func if self._is_shelving else cached
        todo = [i for i, key in enumerate(keys) if not function.check_call_in_cache(key, None)]
        fresh = dict(zip(todo, self._stream([tasks[i] for i in todo], n_jobs), strict=True))

        def signals(i: int) -> Any:
            # What was cached a moment ago may have been cleared meanwhile.
            return fresh[i] if i in fresh else self._stream([tasks[i]], 1)[0]

        return [cached(key, partial(signals, i)) for i, key in enumerate(keys)]

    def _stream(self, tasks: Sequence[Any], n_jobs: int) -> list[Any]:
        extractions = self._extractions([images for images, _, _ in tasks])
        # Cleaning catches warnings, which is not safe in several threads; and it uses all cores.
        alone = Lock()

        def finish(i: int, results: Sequence[Any]) -> Any:
            images, confounds, sample_mask = tasks[i]
            signals = extractions[i].signals(results[0])
            extracted = Extracted(signals, extractions[i].missing)
            with alone:
                return self._finish(extracted, images, confounds, sample_mask)

        jobs = [
            (images.source, [self._planned(extraction.reduction, confounds)])
            for (images, confounds, _), extraction in zip(tasks, extractions, strict=True)
        ]
        return stream_each(jobs, finish, n_jobs=n_jobs, memory_limit=self.memory_limit)

    def _extractions(self, each: Sequence[Images]) -> list[Extraction]:
        """What to take of each image; the same where grid and type are, so that it is held once."""
        found: dict[Any, Extraction] = {}
        extractions = []
        for images in each:
            self._tell_of(images)
            alike = (images.grid.shape, images.grid.affine.tobytes(), images.dtype.str)
            if alike not in found:
                found[alike] = self._extraction(images)
            extractions.append(found[alike])
        return extractions

    def _prepare_confounds(self, each: Sequence[Images], confounds: Any) -> list[Any]:
        listed = [None] * len(each) if confounds is None else list(confounds)
        if len(listed) != len(each):
            raise ValueError(
                f"number of confounds ({len(listed)}) unequal to number of images ({len(each)})."
            )
        return listed


def _listed(imgs: Any) -> list[Any]:
    imgs = stringify_path(imgs)
    return [imgs] if isinstance(imgs, str) or not hasattr(imgs, "__iter__") else list(imgs)


@drop_in(
    nilearn_maskers.MultiNiftiMasker,
    nan_policy=("nilearn", NAN_POLICY),
    memory_limit=(None, MEMORY_LIMIT),
)
class MultiNiftiMasker(StreamedEach, NiftiMasker, nilearn_maskers.MultiNiftiMasker):
    """Time courses of the voxels of a mask, of several images side by side.

    The same as :class:`nilearn.maskers.MultiNiftiMasker`, but images are
    streamed, as many at the same time as ``n_jobs`` and memory allow.
    """

    def _fitted_to(self, each: Sequence[Images]) -> Any:
        if each and self._is_mask_from_data:
            return [self._mean_of(images) for images in each]
        stand_in = super()._fitted_to(each)
        return stand_in if stand_in is None else [stand_in]


@drop_in(
    nilearn_maskers.MultiNiftiLabelsMasker,
    keep_all_labels=(False, KEEP_ALL_LABELS),
    nan_policy=("nilearn", NAN_POLICY),
    memory_limit=(None, MEMORY_LIMIT),
)
class MultiNiftiLabelsMasker(
    StreamedEach, NiftiLabelsMasker, nilearn_maskers.MultiNiftiLabelsMasker
):
    """One signal for each region of an atlas, of several images side by side.

    The same as :class:`nilearn.maskers.MultiNiftiLabelsMasker`, but images
    are streamed, as many at the same time as ``n_jobs`` and memory allow.
    """


@drop_in(
    nilearn_maskers.MultiNiftiMapsMasker,
    nan_policy=("nilearn", NAN_POLICY),
    memory_limit=(None, MEMORY_LIMIT),
)
class MultiNiftiMapsMasker(StreamedEach, NiftiMapsMasker, nilearn_maskers.MultiNiftiMapsMasker):
    """One signal for each of several maps, of several images side by side.

    The same as :class:`nilearn.maskers.MultiNiftiMapsMasker`, but images are
    streamed, as many at the same time as ``n_jobs`` and memory allow.
    """
