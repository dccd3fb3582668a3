"""What each step did, in sentences: from the parameters that were noted with its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from boldstream.report.blocks import listed, number
from boldstream.report.methods.references import Citations
from boldstream.report.methods.words import (
    confound_words,
    estimator_words,
    folds_words,
    permutation_words,
    response_words,
    score_words,
    smoothing_words,
    target_words,
)

Parameters: TypeAlias = Mapping[str, Any]
Sentences: TypeAlias = list[str]


def behaviour(name: str, given: Parameters, cite: Citations) -> Sentences:
    """Choices, modelled."""
    settings = given["settings"]
    immediate = settings["immediate"]
    now = f"column “{immediate}”" if isinstance(immediate, str) else number(immediate)
    return [
        "Choices between an immediate and a delayed amount were modelled for each subject by "
        f"hyperbolic discounting, V = A / (1 + kD) {cite('mazur1987')}, with a logistic choice "
        "rule; k and the inverse temperature were fitted by maximum likelihood "
        f"(delayed amount: column “{settings['amount']}”; delay: “{settings['delay']}”; "
        f"immediate amount: {now}; choice: “{settings['choice']}”).",
        f"Subjects were left out with {_or(_left_out(settings))}.",
    ]


def _left_out(settings: Parameters) -> Sentences:
    """For what behaviour a subject is not used."""
    found = [f"more than {number(100 * settings['max_missing'])} % of trials without a choice"]
    if settings.get("min_trials", 1) > 1:
        found.append(f"fewer than {settings['min_trials']} trials")
    if settings.get("min_accuracy") is not None:
        least = number(100 * settings["min_accuracy"])
        found.append(f"an accuracy (column “{settings['accuracy']}”) below {least} %")
    if settings.get("response_time_range"):
        low, high = map(number, settings["response_time_range"])
        found.append(
            f"more than {number(100 * settings['max_outside'])} % of response times (column "
            f"“{settings['response_time']}”) outside of {low} to {high}"
        )
    return found


def _or(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def betas(name: str, given: Parameters, cite: Citations) -> Sentences:
    """Responses to single trials."""
    settings = given["settings"]
    if settings["method"] == "lss":
        others = (
            "one regressor for each condition of the other trials"
            if settings.get("others", "condition") == "condition"
            else "one regressor for all other trials"
        )
        model = (
            "least squares separate, a model for each trial with "
            f"{others} {cite('mumford2012', 'turner2012')}"
        )
    else:
        model = "least squares all, one model of each run with a regressor for each trial"
    some = settings.get("conditions")
    of = f" of the conditions {listed(some)}" if some else ""
    t_r = given.get("t_r")
    every = f" (repetition time {number(t_r)} s)" if t_r else ""
    is_percent = bool(settings["signal_scaling"])
    percent = " Betas are in percent of a voxel's mean over time." if is_percent else ""
    return [
        f"The response to each trial{of} was estimated in every voxel{every} by {model}, with "
        f"{response_words(settings, cite)} and {confound_words(given, cite)}.",
        f"{smoothing_words(settings.get('smoothing_fwhm'))}{percent}",
    ]


def extraction(name: str, given: Parameters, cite: Citations) -> Sentences:
    """Time courses of regions."""
    settings = given["settings"]
    done = []
    if settings.get("detrend"):
        done.append("detrended")
    low, high = settings.get("low_pass"), settings.get("high_pass")
    done += [f"low-pass filtered at {number(low)} Hz"] if low else []
    done += [f"high-pass filtered at {number(high)} Hz"] if high else []
    standardize = settings.get("standardize")
    if standardize:
        done.append("put in percent of the mean" if standardize == "psc" else "standardised")
    how = f" and {listed(done)}" if done else ""
    return [
        f"Mean time courses of {_regions(given)} were extracted ({name}), cleaned of "
        f"{confound_words(given, cite)}{how}.",
        smoothing_words(settings.get("smoothing_fwhm")),
    ]


def _regions(given: Parameters) -> str:
    names = list(given.get("rois") or {})
    atlas = given.get("atlas")
    if not atlas:
        return f"{len(names)} region{'s' if len(names) > 1 else ''} ({listed(names, most=20)})"
    some = atlas.get("regions")
    of = f"{len(some)} regions of" if some else "the regions of"
    return f"{of} an atlas" + (f", and of {listed(names, most=20)}" if names else "")


def decoding(name: str, given: Parameters, cite: Citations) -> Sentences:
    """Targets decoded from regions."""
    settings, targets = given["settings"], given["targets"]
    how = [_decoder(one, targets[one], settings, cite) for one in targets]
    scaled = "each voxel standardised by the training data of a fold, " if settings["scale"] else ""
    chosen = settings.get("select")
    some = "" if chosen is None else f"{_selected(chosen)} of each fold, "
    sentences = [
        f"From betas of {_regions(given)}, {target_words(targets)} "
        f"{'was' if len(targets) == 1 else 'were'} decoded ({name}): "
        f"{'; '.join(dict.fromkeys(how))}; {scaled}{some}{folds_words(settings['cv'])}, with the "
        "score averaged over folds.",
        permutation_words(settings, cite),
    ]
    if settings.get("param_grid"):
        sentences.append(
            f"Parameters were chosen within each fold: {_grid(settings['param_grid'])}."
        )
    if settings.get("allow_leakage"):
        sentences.append("Folds were allowed to share runs between training and test data.")
    return sentences


def _decoder(name: str, target: Parameters, settings: Parameters, cite: Citations) -> str:
    values = bool(target.get("values"))
    usual = "ridge" if values else settings["estimator"]
    estimator = settings.get("estimators", {}).get(name, usual)
    score = score_words(settings.get("scoring"), values=values)
    return f"{name} by {estimator_words(estimator, cite)}, scored by {score}"


def _selected(chosen: float) -> str:
    amount = f"{number(100 * chosen)} % of voxels" if chosen < 1 else f"{number(chosen)} voxels"
    return f"the {amount} with the highest F in the training data"


def _grid(grid: Mapping[str, Sequence[Any]]) -> str:
    return "; ".join(f"{name} of {', '.join(map(str, values))}" for name, values in grid.items())


def searchlight(name: str, given: Parameters, cite: Citations) -> Sentences:
    """A target decoded around every voxel."""
    settings, targets = given["settings"], given["targets"]
    (target,) = targets.values()
    score = score_words(settings.get("scoring"), values=bool(target.get("values")))
    centres = " of a mask" if given.get("process_mask") else ""
    sentences = [
        f"A searchlight {cite('kriegeskorte2006')} decoded {target_words(targets)} from the betas "
        f"in a sphere of {number(settings['radius'])} mm radius around every voxel{centres} "
        f"({name}): {estimator_words(settings['estimator'], cite)}, "
        f"{folds_words(settings['cv'])}, scored by {score}.",
        permutation_words(settings, cite),
    ]
    if settings.get("permutations"):
        tfce = f", also after threshold-free cluster enhancement {cite('smith2009')}"
        sentences.append(
            "The family-wise error was controlled by the distribution of the maximum over voxels "
            f"{cite('nichols2002')}{tfce if settings.get('tfce') else ''}, and the false "
            f"discovery rate by {_fdr(cite)}."
        )
    return sentences


def _fdr(cite: Citations) -> str:
    return f"the procedure of Benjamini and Hochberg {cite('benjamini1995')}"


_METRICS = {
    "crossnobis": "crossnobis dissimilarities, cross-validated over runs",
    "correlation": "correlation distances",
    "euclidean": "squared Euclidean distances for each voxel",
}
_NOISE = {
    "diagonal": ("the variances of noise", None),
    "shrinkage": ("the covariance of noise, shrunk towards its diagonal", "schafer2005"),
    "ledoit_wolf": ("the covariance of noise, shrunk towards equal variances", "ledoit2004"),
}
_SIMILARITIES = {
    "spearman": "Spearman's rank correlation",
    "pearson": "Pearson's correlation",
    "kendall_tau_a": "Kendall's tau-a",
    "cosine": "the cosine",
}


def geometry(name: str, given: Parameters, cite: Citations) -> Sentences:
    """Dissimilarities of conditions."""
    settings = given["settings"]
    n = settings.get("permutations")
    p = f"; p from {n} permutations of conditions {cite('phipson2010')}" if n else ""
    points = settings.get("embedding")
    placed = {
        "mds": "Conditions were placed in a plane by classical multidimensional scaling.",
        "pca": "Conditions were placed in a plane by principal components of their mean patterns.",
    }
    return [
        f"In {_regions(given)}, representational dissimilarities of "
        f"{target_words(given['targets'])} were {_dissimilarities(settings, cite)} ({name}).",
        _compared(given, cite, p) if given.get("models") else "",
        placed.get(points, "") if points else "",
    ]


def _dissimilarities(settings: Parameters, cite: Citations) -> str:
    metric = settings["metric"]
    cited = cite("walther2016") if metric == "crossnobis" else cite("kriegeskorte2008")
    white = ""
    if settings.get("noise"):
        words, key = _NOISE[settings["noise"]]
        white = f", of patterns whitened by {words}{f' {cite(key)}' if key else ''}"
    return f"{_METRICS.get(metric, metric)} {cited}{white}"


def _compared(given: Parameters, cite: Citations, p: str = "") -> str:
    settings = given["settings"]
    apart = (
        f", with how far apart in time conditions were taken out of both {cite('mumford2014')}"
        if settings.get("temporal")
        else ""
    )
    return (
        f"They were compared with the models {listed(list(given['models']))} by "
        f"{_SIMILARITIES.get(settings['method'], settings['method'])} "
        f"{cite('kriegeskorte2008')}{apart}{p}."
    )


def rdm_searchlight(name: str, given: Parameters, cite: Citations) -> Sentences:
    """Models compared with dissimilarities around every voxel."""
    settings = given["settings"]
    centres = " of a mask" if given.get("process_mask") else ""
    return [
        f"A searchlight {cite('kriegeskorte2006')} found representational dissimilarities of "
        f"{target_words(given['targets'])} in a sphere of {number(settings['radius'])} mm radius "
        f"around every voxel{centres} ({name}): {_dissimilarities(settings, cite)}.",
        _compared(given, cite),
    ]


def quality(name: str, given: Parameters, cite: Citations) -> Sentences:
    """How good images are."""
    return [
        "Image quality was described by the temporal signal-to-noise ratio (mean over time divided "
        "by the standard deviation), by DVARS (root mean square over the mask of the difference of "
        "consecutive volumes) and, where motion parameters were there, by framewise displacement "
        f"with rotations on a sphere of 50 mm radius {cite('power2012')}."
    ]


def _noise_words(model: str) -> str:
    if model == "ols":
        return "ordinary least squares"
    return f"noise of an autoregressive model of order {model.removeprefix('ar')}"


def contrasts(name: str, given: Parameters, cite: Citations) -> Sentences:
    """Contrasts of conditions."""
    settings = given["settings"]
    percent = " Effects are in percent of a voxel's mean." if settings.get("signal_scaling") else ""
    of = [f"{label}: {expression}" for label, expression in settings["contrasts"].items()]
    return [
        f"A general linear model of all runs ({name}) had {response_words(settings, cite)} and "
        f"{confound_words(given, cite)}, and was fitted with "
        f"{_noise_words(settings['noise_model'])}; contrasts were {'; '.join(of)}.{percent}",
        smoothing_words(settings.get("smoothing_fwhm")),
    ]


def group(name: str, given: Parameters, cite: Citations) -> Sentences:
    """Tests over subjects."""
    settings, kind = given["settings"], given.get("kind")
    of_maps = kind in ("searchlight", "contrasts", "rdm_searchlight")
    where = "voxel by voxel" if of_maps else "for each region"
    against = "chance" if kind in ("searchlight", "decoding") else "0"
    if settings.get("chance") is not None:
        against = number(settings["chance"])
    tfce = settings.get("tfce") and of_maps
    enhanced = f", also of threshold-free cluster enhancement {cite('smith2009')}" if tfce else ""
    sentences = [
        f"Results of {settings['of']} were tested over subjects {where} ({name}) against "
        f"{against}: one-sided t tests, and at most {settings['permutations']} sign flips of "
        "subjects (each pattern of signs once where there are no more), with the family-wise "
        "error controlled by the maximum statistic "
        f"{cite('nichols2002')}{enhanced} and the false discovery rate by {_fdr(cite)}."
    ]
    if kind in ("searchlight", "decoding"):
        sentences.append(
            "As true scores are never below chance, such a test says that some subjects hold the "
            f"information, not that it is typical of the population {cite('allefeld2016')}."
        )
    if kind == "geometry" and "method" in given:
        sentences.append(f"Noise ceilings are those of the toolbox {cite('nili2014')}.")
    return sentences


Words: TypeAlias = Callable[[str, Parameters, Citations], Sentences]
WORDS: Mapping[str, Words] = {
    "quality": quality,
    "behaviour": behaviour,
    "extraction": extraction,
    "betas": betas,
    "contrasts": contrasts,
    "decoding": decoding,
    "searchlight": searchlight,
    "geometry": geometry,
    "rdm_searchlight": rdm_searchlight,
    "group": group,
}
"""By step, in the order in which they are told."""
