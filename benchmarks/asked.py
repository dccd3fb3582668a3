"""All that is asked of this library's speed and memory, in one place.

Where a bound grows with the data, as "≤ 1.5 × output + 150 MiB", what is
judged is what goes beyond the part that grows.
"""

from __future__ import annotations

from benchmarks.rows import Ask, least, most

FASTER_BY = "× faster"
LESS_BY = "× less"
OF_READ = "× the read"

# Regions of a large image (seed_scale).
COMMAND_SECONDS = most(0.35, "s", "≤ 1.10 × the read + 0.35 s")
COMMAND_PEAK = most(120, "MiB")
PATHS_SECONDS = least(12, FASTER_BY)
PATHS_PEAK = least(60, LESS_BY)
INDEXING_PEAK = least(30, LESS_BY)
PASSES = {"labels": most(1.15, OF_READ), "moments": most(1.25, OF_READ)}
PASSES["everything"] = most(1.35, OF_READ)
MOMENTS_PEAK = most(150, "MiB")
PREDICTED = Ask("0.90 to 1.25 × measured", most=1.25, least=0.90)
IMPORT = most(120, "ms", "≤ 120 ms over bare Python")
HELP = most(300, "ms")

# The store.
STORE_SECONDS = most(1.35, OF_READ)
STORE_PEAK = most(150, "MiB", "≤ 150 MiB above imports")
REGION_AGAIN = most(50, "ms")
VOLUME_AGAIN = most(10, "ms")
LAST_VOLUME_AGAIN = most(60, "ms")
SAVED_PERCENT = {gib: least(claim, "% less") for gib, claim in ((1.2, 92), (2.4, 92), (4.8, 94))}
FASTER_PERCENT = {
    n_voxels: least(claim, "% faster") for n_voxels, claim in ((1000, 22), (5000, 29), (10_000, 34))
}
SHARED_PEAK = most(60, "MiB", "≤ 60 MiB for each more")
OURS_IN_LIMIT = least(1, "", "finishes")
WHOLE_IN_LIMIT = most(0, "", "out of memory")

# Maskers beside nilearn's.
LABELS_SECONDS = least(5, FASTER_BY)
LABELS_PEAK = least(15, LESS_BY)
MAPS_SECONDS = least(3, FASTER_BY)
MAPS_PEAK = most(100, "MiB", "≤ maps + 100 MiB")
BRAIN_SECONDS = least(2, FASTER_BY)
BRAIN_PEAK = most(150, "MiB", "≤ 1.5 × output + 150 MiB")
SMOOTHED_SECONDS = least(2, FASTER_BY)
SMOOTHED_PEAK = most(0, "MiB", "as without (+ 30 MiB or 25 %)")
ROUNDING = most(1e-5, "", "≤ 1e-5 of the largest")
FLOAT64 = most(1e-10, "", "≤ 1e-10 of the largest")
NO_FURTHER = most(1, "", "no further than nilearn")
EQUAL = most(0, "", "the same")
SPHERES_SETUP = most(2, "s")

# First levels and trial betas.
AR1_SECONDS = least(3, FASTER_BY)
AR1_PEAK = least(15, LESS_BY)
AR1_READ = most(1.8, OF_READ)
AR1_APART = most(1e-6, "", "≤ 1e-6 of the largest")
SAME_BINS = least(99.99, "%")
LSS_READ = most(1.5, OF_READ)
LSS_PEAK = most(150, "MiB", "≤ trials × voxels × 8 bytes + 150 MiB")
LSS_SECONDS = least(100, FASTER_BY)
LSS_APART = most(1e-8, "", "≤ 1e-8 of the largest")
OLS_PEAK = Ask("< 1 GiB", most=1024, strict=True)

# Searchlights; of seconds where no unit is said.
SVC_MS = {"few": most(0.08, "ms"), "small": most(0.14, "ms")}
SVC_SECONDS = {"few": least(150, FASTER_BY), "small": least(100, FASTER_BY)}
SAME_SPHERES = most(0.5, "%", "≤ 0.5 % of spheres, by 1 sample")
LABELLINGS_MS = most(0.2, "ms")
BRAINS = {
    ("ridge", "few", "some"): most(10, "s"),
    ("ridge", "many", "some"): most(90, "s"),
    ("ridge", "few", "most"): most(60, "s"),
    ("ridge LDA", "few", "some"): most(10, "s"),
    ("svc", "few", "some"): most(1800, "s"),
    ("naive Bayes", "few", ""): most(10, "s"),
    ("naive Bayes", "few", "some"): most(100, "s"),
    ("nearest centroid", "few", ""): most(10, "s"),
    ("nearest centroid", "few", "some"): most(100, "s"),
    ("LDA", "classes", ""): most(10, "s"),
}
TFCE_MS = most(10, "ms")
TFCE_APART = most(0.005, "", "≤ 0.005 of the largest")
CHAIN_SECONDS = most(25, "s")
THREADS = least(1.8, FASTER_BY)
NEIGHBOURHOODS = most(2, "s")
COMPILING = most(15, "s")
FIRST_CALL = most(1, "s")
LIMIT_PEAK = most(600, "MiB")
ONE_SAMPLE = most(1, "samples")

# Studies.
WORKERS = least(1.8, FASTER_BY)
TWO_WORKERS = most(0, "", "2")
WITHIN_LIMIT = most(0, "MiB", "≤ the limit")
BEYOND_LIMIT = Ask("> the limit", least=0, strict=True)
OVERHEAD = Ask("< 2 %", most=2, strict=True)
INDEX_SECONDS = most(1, "s")
DEMO_SECONDS = Ask("< 2 min", most=120, strict=True)
DEMO_REPORT = most(8, "MB")
# Groups, geometry and behaviour, of which only memory and equality are asked.
GROUP_PEAK = most(0, "MiB", "≤ memory_limit")
GROUP_APART = most(1e-5, "", "≤ 1e-5 of the largest")
GEOMETRY_APART = most(1e-5, "", "≤ 1e-5 of the largest")
MAXIMUM = most(1e-6, "", "≤ 1e-6")

# A machine that has nothing else.
SET_UP_AND_TEST = Ask("< 15 min", most=900, strict=True)


def within_two_labellings(permutations: int) -> Ask:
    """As p counts labellings: two of them at most, for ties."""
    return most(2 / (permutations + 1), "", f"≤ 2 of {permutations + 1} labellings")
