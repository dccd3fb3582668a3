"""Papers of the methods, and who is cited in a text."""

from __future__ import annotations

# By key: as it is cited, and as it is listed.
_PAPERS = {
    "allefeld2016": (
        "Allefeld et al., 2016",
        "Allefeld C, Görgen K, Haynes J-D (2016). Valid population inference for "
        "information-based imaging: from the second-level t-test to prevalence inference. "
        "NeuroImage 141, 378–392. doi:10.1016/j.neuroimage.2016.07.040",
    ),
    "benjamini1995": (
        "Benjamini and Hochberg, 1995",
        "Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate: a practical and "
        "powerful approach to multiple testing. Journal of the Royal Statistical Society B 57, "
        "289–300. doi:10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "glover1999": (
        "Glover, 1999",
        "Glover GH (1999). Deconvolution of impulse response in event-related BOLD fMRI. "
        "NeuroImage 9, 416–429. doi:10.1006/nimg.1998.0419",
    ),
    "harris2020": (
        "Harris et al., 2020",
        "Harris CR, et al. (2020). Array programming with NumPy. Nature 585, 357–362. "
        "doi:10.1038/s41586-020-2649-2",
    ),
    "haxby2001": (
        "Haxby et al., 2001",
        "Haxby JV, et al. (2001). Distributed and overlapping representations of faces and "
        "objects in ventral temporal cortex. Science 293, 2425–2430. "
        "doi:10.1126/science.1063736",
    ),
    "abraham2014": (
        "Abraham et al., 2014",
        "Abraham A, et al. (2014). Machine learning for neuroimaging with scikit-learn. "
        "Frontiers in Neuroinformatics 8, 14. doi:10.3389/fninf.2014.00014",
    ),
    "kriegeskorte2006": (
        "Kriegeskorte et al., 2006",
        "Kriegeskorte N, Goebel R, Bandettini P (2006). Information-based functional brain "
        "mapping. PNAS 103, 3863–3868. doi:10.1073/pnas.0600244103",
    ),
    "kriegeskorte2008": (
        "Kriegeskorte et al., 2008",
        "Kriegeskorte N, Mur M, Bandettini P (2008). Representational similarity analysis – "
        "connecting the branches of systems neuroscience. Frontiers in Systems Neuroscience 2, "
        "4. doi:10.3389/neuro.06.004.2008",
    ),
    "ledoit2004": (
        "Ledoit and Wolf, 2004",
        "Ledoit O, Wolf M (2004). A well-conditioned estimator for large-dimensional covariance "
        "matrices. Journal of Multivariate Analysis 88, 365–411. "
        "doi:10.1016/S0047-259X(03)00096-4",
    ),
    "mazur1987": (
        "Mazur, 1987",
        "Mazur JE (1987). An adjusting procedure for studying delayed reinforcement. In: Commons "
        "ML, et al. (eds), Quantitative Analyses of Behavior 5, 55–73. Erlbaum.",
    ),
    "mumford2012": (
        "Mumford et al., 2012",
        "Mumford JA, Turner BO, Ashby FG, Poldrack RA (2012). Deconvolving BOLD activation in "
        "event-related designs for multivoxel pattern classification analyses. NeuroImage 59, "
        "2636–2643. doi:10.1016/j.neuroimage.2011.08.076",
    ),
    "mumford2014": (
        "Mumford et al., 2014",
        "Mumford JA, Davis T, Poldrack RA (2014). The impact of study design on pattern "
        "estimation for single-trial multivariate pattern analysis. NeuroImage 103, 130–138. "
        "doi:10.1016/j.neuroimage.2014.09.026",
    ),
    "nichols2002": (
        "Nichols and Holmes, 2002",
        "Nichols TE, Holmes AP (2002). Nonparametric permutation tests for functional "
        "neuroimaging: a primer with examples. Human Brain Mapping 15, 1–25. "
        "doi:10.1002/hbm.1058",
    ),
    "nili2014": (
        "Nili et al., 2014",
        "Nili H, Wingfield C, Walther A, Su L, Marslen-Wilson W, Kriegeskorte N (2014). A toolbox "
        "for representational similarity analysis. PLOS Computational Biology 10, e1003553. "
        "doi:10.1371/journal.pcbi.1003553",
    ),
    "pedregosa2011": (
        "Pedregosa et al., 2011",
        "Pedregosa F, et al. (2011). Scikit-learn: machine learning in Python. Journal of "
        "Machine Learning Research 12, 2825–2830.",
    ),
    "phipson2010": (
        "Phipson and Smyth, 2010",
        "Phipson B, Smyth GK (2010). Permutation p-values should never be zero: calculating "
        "exact p-values when permutations are randomly drawn. Statistical Applications in "
        "Genetics and Molecular Biology 9, 39. doi:10.2202/1544-6115.1585",
    ),
    "power2012": (
        "Power et al., 2012",
        "Power JD, Barnes KA, Snyder AZ, Schlaggar BL, Petersen SE (2012). Spurious but "
        "systematic correlations in functional connectivity MRI networks arise from subject "
        "motion. NeuroImage 59, 2142–2154. doi:10.1016/j.neuroimage.2011.10.018",
    ),
    "schafer2005": (
        "Schäfer and Strimmer, 2005",
        "Schäfer J, Strimmer K (2005). A shrinkage approach to large-scale covariance matrix "
        "estimation and implications for functional genomics. Statistical Applications in "
        "Genetics and Molecular Biology 4, 32. doi:10.2202/1544-6115.1175",
    ),
    "smith2009": (
        "Smith and Nichols, 2009",
        "Smith SM, Nichols TE (2009). Threshold-free cluster enhancement: addressing problems of "
        "smoothing, threshold dependence and localisation in cluster inference. NeuroImage 44, "
        "83–98. doi:10.1016/j.neuroimage.2008.03.061",
    ),
    "turner2012": (
        "Turner et al., 2012",
        "Turner BO, Mumford JA, Poldrack RA, Ashby FG (2012). Spatiotemporal activity estimation "
        "for multivoxel pattern analysis with rapid event-related designs. NeuroImage 62, "
        "1429–1438. doi:10.1016/j.neuroimage.2012.05.057",
    ),
    "virtanen2020": (
        "Virtanen et al., 2020",
        "Virtanen P, et al. (2020). SciPy 1.0: fundamental algorithms for scientific computing "
        "in Python. Nature Methods 17, 261–272. doi:10.1038/s41592-019-0686-2",
    ),
    "walther2016": (
        "Walther et al., 2016",
        "Walther A, Nili H, Ejaz N, Alink A, Kriegeskorte N, Diedrichsen J (2016). Reliability "
        "of dissimilarity measures for multi-voxel pattern analysis. NeuroImage 137, 188–200. "
        "doi:10.1016/j.neuroimage.2015.12.012",
    ),
    "wang2024": (
        "Wang et al., 2024",
        "Wang H-T, et al. (2024). Continuous evaluation of denoising strategies in "
        "resting-state fMRI connectivity using fMRIPrep and Nilearn. PLOS Computational Biology "
        "20, e1011942. doi:10.1371/journal.pcbi.1011942",
    ),
}


class Citations:
    """Cites papers, and remembers which.

    Examples
    --------
    >>> cite = Citations()
    >>> cite("mumford2012", "glover1999")
    '(Mumford et al., 2012; Glover, 1999)'
    >>> [text.split(" (")[0] for text in cite.references()]
    ['Glover GH', 'Mumford JA, Turner BO, Ashby FG, Poldrack RA']
    """

    def __init__(self) -> None:
        self._cited: set[str] = set()

    def __call__(self, *keys: str) -> str:
        """Papers in brackets."""
        self._cited.update(keys)
        return f"({'; '.join(_PAPERS[key][0] for key in keys)})"

    def references(self) -> tuple[str, ...]:
        """Those that were cited, in the order of their authors."""
        return tuple(sorted(_PAPERS[key][1] for key in self._cited))
