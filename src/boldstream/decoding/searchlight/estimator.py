"""`SearchLight`: nilearn's searchlight, exact and many times faster, with permutations.

Examples
--------
>>> import nibabel as nib
>>> import numpy as np
>>> from boldstream.decoding import SearchLight
>>> rng = np.random.default_rng(0)
>>> data = rng.normal(size=(6, 6, 6, 24)).astype("f4")
>>> y = np.tile(["face", "house"], 12)
>>> data[3, 3, 3, y == "house"] += 4
>>> image = nib.Nifti1Image(data, np.eye(4))
>>> mask = nib.Nifti1Image(np.ones((6, 6, 6), "u1"), np.eye(4))
>>> light = SearchLight(mask, radius=1.0, cv=4).fit(image, y)
>>> light.scores_.shape, round(float(light.scores_[3, 3, 3]), 2)
((6, 6, 6), 0.96)
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from nilearn import decoding as nilearn_decoding
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from boldstream.core.checks import positive_number
from boldstream.core.jobs import resolve_n_jobs
from boldstream.decoding.inference.of_maps import OfMaps
from boldstream.decoding.searchlight.collecting import check_keep
from boldstream.decoding.searchlight.solving import Solved, Wanted, solve
from boldstream.decoding.searchlight.space import Centres, open_space
from boldstream.decoding.solving.ready import COMPILING
from boldstream.decoding.task.chance import find_chance
from boldstream.decoding.task.task import Task, make_task
from boldstream.streaming.progress import Report, open_progress


# scikit-learn would make a method of `transform`, to set what it gives.
class SearchLight(  # type: ignore[call-arg]
    nilearn_decoding.SearchLight, auto_wrap_output_keys=None
):
    """Decode the neighbourhood of every voxel.

    The same as :class:`nilearn.decoding.SearchLight`, in memory that
    `memory_limit` sets: linear support vector machines, ridge, discriminant
    analysis, logistic regression, naive Bayes and nearest centroids are solved
    exactly and two orders of magnitude faster, any other estimator of
    scikit-learn by itself. Permutations of labels give p of each voxel.

    Parameters
    ----------
    mask_img : path, nibabel image or None, default=None
        Voxels that neighbourhoods are made of. None: of betas (a folder, or
        what `trial_betas` and `open_betas` return) those of their own mask;
        of any other image all voxels, of a surface all vertices.
    process_mask_img : path, nibabel image or None, default=None
        Voxels that are centres; by default those of `mask_img`. Of a surface,
        as `mask_img`, an array of booleans, one for each vertex.
    radius : float, default=2.0
        In mm.
    estimator : str or scikit-learn estimator, default="svc"
        A name means what it means in nilearn: "svc" is `LinearSVC`; "ridge",
        "ridge_classifier" and "logistic" choose their penalty by
        cross-validation; "svr" is `SVR` with a linear kernel. Further names
        are "lda", "gnb", "nearest_centroid" and "correlation". An instance is
        used with its parameters.
    n_jobs : int, default=1
        Threads, or processes where scikit-learn has to fit; -1 for one for
        each core.
    scoring : str, callable or None, default=None
        As in scikit-learn; None for accuracy or R².
    cv : int, splitter, iterable or None, default=None
        As in scikit-learn; None for 5 folds, stratified for classes.
    verbose : int, default=0
        Above 0 progress is shown, as with ``progress=True``.
    random_state : int, Generator, RandomState or None, default=0
        Of permutations, and of named estimators that draw numbers.
    estimator_args : dict or None, default=None
        Parameters of a named estimator.
    n_neighbours : int, optional
        Take so many nearest voxels in place of those within `radius`.
    surface : path, nibabel or nilearn mesh, or pair of arrays, optional
        Decode on a cortical surface: `radius` is along its edges, and images
        are GIFTI files or arrays (samples, vertices).
    permutations : int, default=0
        How often labels are permuted, in the same ways for every sphere.
    permutation_blocks : sequence or "auto", optional
        Samples that were labelled as one: blocks of a run exchange labels as
        wholes. "auto": stretches of equal labels. Needed where labels of a run
        come in blocks. Where blocks hold several labels, samples exchange them
        within each block.
    tfce : bool, default=False
        Enhance scores above `chance` without a threshold (TFCE; Smith and
        Nichols 2009), with p.
    forming_threshold : float, optional
        Score above which neighbouring voxels form a cluster; gives p of
        extents and masses.
    chance : float, optional
        Score that is expected where nothing is to be found. By default the
        share of the most frequent class for accuracy, 1 / classes for
        balanced accuracy, 0.5 for ROC AUC and 0 for R².
    keep : sequence of {"scores", "fold_scores", "predictions", "confusion"}, default=("scores",)
        What is kept of each sphere.
    null_maps : path, optional
        Folder for the maps of all permutations, for inference on groups.
    nan_policy : {"raise", "exclude", "zero"}, default="raise"
        What to do with voxels that hold NaN or infinity: refuse them, leave
        them out of all neighbourhoods, or take 0 for such values, as nilearn.
    memory_limit : str or int, optional
        Most memory that this process may hold at its peak, as ``"2GB"``. What
        does not fit is stored in a file once, and read from there.
    progress : bool or callable, default=False
        Whether a bar shows how many spheres are done and how long the rest
        takes; or a function, called with spheres done and spheres in all.

    Attributes
    ----------
    mask_img_ : nibabel image
        `mask_img` as it was given.
    process_mask_ : ndarray of bool, shape (x, y, z)
        Centres.
    n_elements_ : int
        Number of spheres.
    masked_scores_ : ndarray, shape (spheres,)
        Mean score over folds, in the order of ``data[process_mask_]``; NaN
        where a neighbourhood has no voxel that can be used.
    scores_ : ndarray, shape (x, y, z)
        The same in space; 0 outside of the process mask.
    engine_ : str
        How spheres were solved, and why scikit-learn had to if it did.
    classes_ : ndarray, shape (classes,), or None
        None for values.
    chance_ : float or None
        `chance`, or what it is by default; None where that is not known.
    folds_ : list of (train, test)
        Positions of samples.
    fold_scores_ : ndarray, shape (spheres, folds), or None
        If kept.
    predictions_ : ndarray, shape (spheres, tests), or None
        If kept: positions in `classes_`, or values, of the test samples of all
        folds, fold after fold.
    confusion_ : ndarray, shape (spheres, classes, classes), or None
        If kept: tests of each class (rows) by the class that was predicted.
    inference_ : Inference or None
        If there were permutations; `img_of` makes images of its arrays.

    Raises
    ------
    ParameterError, MaskError, GridMismatchError, NonFiniteError, MemoryBudgetError
        By `fit`, before spheres are solved.

    Notes
    -----
    nilearn's `transform` scores made-up labels, whatever was fitted; here
    there is none, and `fit_transform` gives `scores_`.

    References
    ----------
    Kriegeskorte, Goebel, Bandettini (2006), PNAS 103, 3863.
    """

    _doc_link_module = "boldstream"

    def __init__(
        self,
        mask_img: Any = None,
        process_mask_img: Any = None,
        radius: float = 2.0,
        estimator: Any = "svc",
        n_jobs: int = 1,
        scoring: Any = None,
        cv: Any = None,
        verbose: int = 0,
        random_state: Any = 0,
        estimator_args: Any = None,
        *,
        n_neighbours: int | None = None,
        surface: Any = None,
        permutations: int = 0,
        permutation_blocks: Any = None,
        tfce: bool = False,
        forming_threshold: float | None = None,
        chance: float | None = None,
        keep: Any = ("scores",),
        null_maps: Any = None,
        nan_policy: Literal["raise", "exclude", "zero"] = "raise",
        memory_limit: str | int | None = None,
        progress: bool | Report = False,
    ) -> None:
        super().__init__(
            mask_img=mask_img,
            process_mask_img=process_mask_img,
            radius=radius,
            estimator=estimator,
            n_jobs=n_jobs,
            scoring=scoring,
            cv=cv,
            verbose=verbose,
            random_state=random_state,
            estimator_args=estimator_args,
        )
        self.n_neighbours = n_neighbours
        self.surface = surface
        self.permutations = permutations
        self.permutation_blocks = permutation_blocks
        self.tfce = tfce
        self.forming_threshold = forming_threshold
        self.chance = chance
        self.keep = keep
        self.null_maps = null_maps
        self.nan_policy = nan_policy
        self.memory_limit = memory_limit
        self.progress = progress

    def _doc_link_url_param_generator(self, *args: Any) -> dict[str, str]:
        """The page of nilearn's class: what it says holds here."""
        del args
        return {"estimator_module": "nilearn.decoding", "estimator_name": "SearchLight"}

    def fit(self, imgs: Any, y: Any, groups: Any = None) -> SearchLight:
        """Score every sphere.

        Parameters
        ----------
        imgs : path, nibabel image, list of either, betas, or array
            A volume for each sample: a 4-D image, a list of runs or of 3-D
            images, a folder that `boldstream.trial_betas` wrote or what it and
            `boldstream.open_betas` return, or on a surface GIFTI files or an
            array (samples, vertices).
        y : sequence, shape (samples,)
            Labels or values.
        groups : sequence, shape (samples,), optional
            The run of each sample, for `cv` and permutations.

        Returns
        -------
        SearchLight
            Itself.
        """
        task = make_task(
            y,
            groups,
            estimator=self.estimator,
            cv=self.cv,
            scoring=self.scoring,
            permutations=self.permutations,
            permutation_blocks=self.permutation_blocks,
            random_state=self.random_state,
            estimator_args=self.estimator_args,
        )
        wanted = Wanted(
            OfMaps(tfce=self.tfce, forming_threshold=self.forming_threshold),
            keep=check_keep(self.keep),
            chance=find_chance(self.chance, self.scoring, task.targets),
            null_maps=self.null_maps,
        )
        wanted.check(task.n_permutations)
        n_jobs = resolve_n_jobs(self.n_jobs)
        with open_space(
            imgs,
            mask_img=self.mask_img,
            process_mask_img=self.process_mask_img,
            radius=positive_number("radius", self.radius, unit="mm"),
            n_neighbours=self.n_neighbours,
            surface=self.surface,
            n_samples=task.problem.folds.n_samples,
            nan_policy=self.nan_policy,
            n_jobs=n_jobs,
            memory_limit=self.memory_limit,
        ) as space:
            shown = self.progress or self.verbose > 0
            with open_progress(shown, "searchlight", unit="spheres", before=COMPILING) as report:
                solved = solve(
                    space,
                    task,
                    wanted,
                    n_jobs=n_jobs,
                    memory_limit=self.memory_limit,
                    report=report,
                )
        self.chance_ = wanted.chance
        self._learn(task, space.centres, solved)
        return self

    def _learn(self, task: Task, centres: Centres, solved: Solved) -> None:
        kept = solved.kept
        self._centres = centres
        self.mask_img_ = self.mask_img
        self.process_mask_ = centres.inside
        self.n_elements_ = len(kept.scores)
        self.masked_scores_ = kept.scores
        self.scores_ = centres.whole(kept.scores)
        self.engine_ = task.told
        self.classes_ = task.targets.classes
        folds = task.problem.folds
        self.folds_ = list(zip(folds.train, folds.test, strict=True))
        self.fold_scores_ = kept.fold_scores
        self.predictions_ = kept.predictions
        self.confusion_ = kept.confusion
        self.inference_ = solved.inference

    def fit_transform(self, imgs: Any, y: Any, groups: Any = None) -> NDArray[np.float64]:
        """`fit`, and its `scores_`.

        Parameters
        ----------
        imgs, y, groups
            As for `fit`.
        """
        return np.asarray(self.fit(imgs, y, groups).scores_)

    @property
    def transform(self) -> Any:
        raise AttributeError(
            "SearchLight has no `transform`: scores need labels; use `fit` and `scores_`"
        )

    @property
    def scores_img_(self) -> Any:
        """Scores as an image."""
        return self.img_of(self.masked_scores_)

    def img_of(self, values: Any) -> Any:
        """An image of a value for each sphere; 0 outside of the process mask.

        Parameters
        ----------
        values : ndarray, shape (spheres,)
            Such as ``inference_.p_fwe``.

        Raises
        ------
        ParameterError
            On a surface, which has no image; or for another number of values.
        """
        check_is_fitted(self)
        return self._centres.image_of(np.asarray(values))
