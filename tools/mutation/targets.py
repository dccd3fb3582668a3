"""What is changed, and which tests should notice."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".mutation_cache"
EQUIVALENT = REPOSITORY / "tools" / "mutation_equivalent.toml"

_DECODING = ("tests/kernels/decoding", "tests/decoding")
_INFERENCE = ("tests/kernels/inference", "tests/decoding/inference", "tests/decoding/group")
_STREAMING = ("tests/streaming", "tests/test_api.py")

# The longest beginning of a path that fits holds.
TESTS_OF = {
    "src/boldstream/core/grid.py": ("tests/core", "tests/io/test_masks.py", *_STREAMING),
    "src/boldstream/core/limits.py": ("tests/core",),
    "src/boldstream/core/budget.py": ("tests/core", "tests/streaming/test_plan.py"),
    "src/boldstream/kernels": ("tests/kernels", *_STREAMING),
    "src/boldstream/kernels/standardize.py": ("tests/kernels", "tests/signal"),
    # Interpreted, searchlights of whole tests take too long to tell more than their kernels do.
    "src/boldstream/kernels/decoding": ("tests/kernels/decoding", "tests/decoding/engines"),
    "src/boldstream/kernels/inference": _INFERENCE,
    "src/boldstream/kernels/geometry": ("tests/kernels/geometry", "tests/geometry"),
    "src/boldstream/kernels/neighbourhoods": (
        "tests/kernels/neighbourhoods",
        "tests/decoding/neighbourhoods",
    ),
    "src/boldstream/streaming": _STREAMING,
    "src/boldstream/decoding/inference": _INFERENCE,
    "src/boldstream/decoding/permutations": ("tests/decoding/permutations", *_INFERENCE),
    "src/boldstream/decoding/group": _INFERENCE,
    "src/boldstream/decoding/solving": _DECODING,
    "src/boldstream/decoding/engines": _DECODING,
    "src/boldstream/geometry": ("tests/geometry",),
    "src/boldstream/glm/regression": ("tests/glm/regression", "tests/glm/trials"),
    "src/boldstream/glm/betas": ("tests/glm/betas", "tests/glm/trials"),
    "src/boldstream/signal": ("tests/signal",),
    "src/boldstream/behaviour": ("tests/behaviour",),
}


def is_kernel(file: str) -> bool:
    """Whether it is code that is compiled, which can be changed and followed as Python alone."""
    return file.startswith("src/boldstream/kernels/")


def files_of(targets: list[str]) -> list[str]:
    """Files with code at or below some paths, or of all that is tested so."""
    found: set[Path] = set()
    for target in targets or TESTS_OF:
        place = REPOSITORY / target
        if not place.exists():
            raise FileNotFoundError(f"there is no {target} below {REPOSITORY}")
        found.update([place] if place.is_file() else place.rglob("*.py"))
    return sorted(str(file.relative_to(REPOSITORY)) for file in found)


def test_files_of(file: str) -> list[str]:
    """Files with tests that should notice a change of a file, its own examples included."""
    fitting = [target for target in TESTS_OF if file == target or file.startswith(target + "/")]
    if not fitting:
        raise ValueError(f"no tests are named for {file}; add it to `TESTS_OF`")
    found: set[Path] = set()
    for place in TESTS_OF[max(fitting, key=len)]:
        path = REPOSITORY / place
        found.update([path] if path.is_file() else path.rglob("test_*.py"))
    tests = sorted(str(test.relative_to(REPOSITORY)) for test in found)
    return [file, *tests] if ">>> " in (REPOSITORY / file).read_text() else tests
