"""Write interactive maps: for a page of a report, or on their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from boldstream.core.errors import ParameterError
from boldstream.io.masks import MaskLike
from boldstream.io.opening import OneImage
from boldstream.io.translate import expanded
from boldstream.io.volume import path_of, read_volume
from boldstream.io.writing import Outputs
from boldstream.report.viewer.canvas import canvas_of
from boldstream.report.viewer.page import page_of, templates
from boldstream.report.viewer.sprites import sprites_of, tissue_of
from boldstream.report.viewer.stat_map import read_stat_map
from boldstream.report.viewer.texts import caption_of
from boldstream.report.viewer.thresholds import thresholds_of


@dataclass(frozen=True)
class Views:
    """A map that was written as a page, and how to show it in another.

    Attributes
    ----------
    path : Path
        The page; it needs no other file.
    title : str
    labels : tuple of str
        What the threshold control offers.
    caption : str
        What the map holds, in numbers, and whose coordinates are shown.
    aspect : float
        Height of the pictures as a share of their width.
    """

    path: Path
    title: str
    labels: tuple[str, ...]
    caption: str
    aspect: float

    def html(self, prefix: str = "") -> Markup:
        """A figure for a page that shows the map in a frame, loaded when it comes into view.

        Parameters
        ----------
        prefix : str
            From that page to the folder of the map, such as "maps/".
        """
        prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        figure = templates().get_template("figure.html")
        return Markup(figure.render(views=self, source=quote(f"{prefix}{self.path.name}")))


def write_views(
    image: OneImage,
    folder: str | os.PathLike[str],
    name: str,
    *,
    title: str,
    background: OneImage | None = None,
    mask: MaskLike | None = None,
    p_map: OneImage | None = None,
    p_name: str = "p",
    thresholds: Sequence[float] | None = None,
    chance: float | None = None,
    unit: str = "",
    space: str | None = None,
) -> Views:
    """Write a map as an interactive page, for a frame in another page.

    Slices through a crosshair as nilearn's ``view_img`` draws them, the place
    and the map's value there, and a control that changes the threshold. The
    page is one file and loads nothing.

    Parameters
    ----------
    image : path or nibabel image
        One volume. NaN has no value; 0 is not drawn unless a mask says so.
    folder : path
        Exists.
    name : str
        Of the file, without ``.html``.
    title : str
    background : path or nibabel image, optional
        One volume on any grid in the same space, such as the mean image; by
        default black.
    mask : path or nibabel image, optional
        Outside of it nothing is shown, and no value said.
    p_map, p_name, thresholds
        What the control offers; see `thresholds_of`.
    chance : float, optional
        The map's level without any effect, which makes it one-sided.
    unit : str
        Of the values, such as "accuracy" or "t".
    space : str, optional
        Whose coordinates they are, such as "MNI152NLin6Asym". By default what
        the name of the map's file says (``space-...``).

    Returns
    -------
    Views

    Raises
    ------
    MaskError
        If an image does not hold one volume, or the mask is empty.
    ParameterError
        If `name` is no plain file name, or a threshold no number.
    GridMismatchError
        If the p map lies on another grid.
    ImageFileError, UnsupportedImageError
        If an image is missing, damaged, or has no usable affine.

    Notes
    -----
    Pictures are of cubes along the axes of the space, as large as the
    smallest edge of the map's voxels, or larger where a page would be much
    above 1 MB; the page says so. Each shows the value of the nearest voxel,
    so where the map's axes are turned a few voxels may be no cube's.

    Examples
    --------
    >>> import tempfile, nibabel as nib, numpy as np
    >>> values = np.random.default_rng(0).random((6, 6, 6), "f4")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     views = write_views(
    ...         nib.Nifti1Image(values, np.eye(4)), folder, "f", title="F", thresholds=[0.5]
    ...     )
    >>> views.path.name, views.labels
    ('f.html', ('all 216 voxels', 'above 0.5 (... voxels)'))
    """
    if not name or name.startswith(".") or set(name) & set("/\\") or not name.isprintable():
        raise ParameterError(
            f"`name` must be a plain file name that starts with no dot, got {name!r}"
        )
    found = read_stat_map(image, mask=mask, chance=chance, space=space)
    choices = thresholds_of(found, levels=thresholds, unit=unit, p_map=p_map, p_name=p_name)
    behind = None if background is None else read_volume(background, None, name="background")
    contents = [(found.grid, found.inside)] + ([] if behind is None else [tissue_of(behind)])
    canvas = canvas_of(found.grid, contents)
    sprites = sprites_of(found, canvas, choices, behind)
    labels = [choice.label for choice in choices]
    path = Path(folder, f"{name}.html")
    path.write_text(
        page_of(found, canvas, sprites, title=title, labels=labels, unit=unit),
        encoding="utf-8",
    )
    nx, ny, nz = canvas.grid.shape
    aspect = max(ny, nz) / (2 * nx + ny)
    return Views(path, title, tuple(labels), caption_of(found, unit), aspect)


def view_map(
    image: OneImage,
    output: str | os.PathLike[str],
    *,
    title: str | None = None,
    background: OneImage | None = None,
    mask: MaskLike | None = None,
    p_map: OneImage | None = None,
    p_name: str = "p",
    thresholds: Sequence[float] | None = None,
    chance: float | None = None,
    unit: str = "",
    space: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a map as an interactive page that opens in any browser, without a network.

    Parameters
    ----------
    image : path or nibabel image
        One volume, such as scores of a searchlight or a map of t.
    output : path
        Ends in ``.html``.
    title : str, optional
        By default the name of the image's file.
    background, mask, p_map, p_name, thresholds, chance, unit, space
        As for `write_views`.
    overwrite : bool
        Whether a file that exists is replaced.

    Returns
    -------
    Path
        Of the page, one file.

    Raises
    ------
    OutputExistsError
        If there is such a file and `overwrite` is false.
    ParameterError
        If `output` has another ending or cannot be written; and as `write_views`.
    MaskError, GridMismatchError, ImageFileError, UnsupportedImageError
        As `write_views`.

    Examples
    --------
    >>> import tempfile, nibabel as nib, numpy as np
    >>> scores = nib.Nifti1Image(np.random.default_rng(0).random((6, 6, 6), "f4"), np.eye(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = view_map(scores, f"{folder}/map.html", chance=0.5, unit="accuracy")
    ...     "above chance, 0.5 accuracy" in page.read_text()
    True
    """
    place = expanded(output)
    if place.suffix != ".html":
        raise ParameterError(f"`output` must end in .html, got {os.fspath(output)!r}")
    source = path_of(image)
    with Outputs(place.parent, [place.name], overwrite=overwrite) as outputs:
        write_views(
            image,
            outputs[place.name].parent,
            place.stem,
            title=title or (source.name if source else "Map"),
            background=background,
            mask=mask,
            p_map=p_map,
            p_name=p_name,
            thresholds=thresholds,
            chance=chance,
            unit=unit,
            space=space,
        )
    return place
