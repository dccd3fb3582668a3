"""`settings_of`: settings of a study from an `OAKConfig`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from boldstream.io.bids.templates import fields_of, match_template
from boldstream.io.study import OAKConfig, is_label
from boldstream.study.settings.data import DataSettings, RoiSettings
from boldstream.study.settings.models import StudySettings


def settings_of(
    config: OAKConfig,
    *,
    subjects: Sequence[str] | None = None,
    settings: StudySettings | None = None,
) -> StudySettings:
    """Settings that say what an `OAKConfig` says.

    Parameters
    ----------
    config : OAKConfig
        Where it names no regions, they are all files that fit its template.
    subjects : sequence of str, optional
        All by default.
    settings : StudySettings, optional
        What else there is to say; its ``data`` and ``rois`` are replaced.

    Returns
    -------
    StudySettings
        Its paths start at ``config.root``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = settings_of(OAKConfig(root=folder, task="rest", rois=["V1"], tr=2))
    >>> found.data.task, found.data.t_r, found.rois.masks
    ('rest', 2.0, {'V1': 'masks/V1.nii.gz'})
    """
    data = DataSettings(
        root=config.root,
        subjects=None if subjects is None else tuple(subjects),
        task=config.task,
        space=config.space,
        image_template=config.image_template,
        events_template=config.events_template,
        confounds_template=config.confounds_template,
        t_r=config.tr,
    )
    rois = RoiSettings(masks=_masks(config))
    return (settings or StudySettings()).model_copy(update={"data": data, "rois": rois})


def _masks(config: OAKConfig) -> dict[str, str]:
    if isinstance(config.rois, Mapping):
        return {name: os.fspath(path) for name, path in config.rois.items()}
    template = config.mask_template
    names = list(config.rois)
    if not names:
        found = match_template(config.root, template)
        names = [
            name for name in dict.fromkeys(fields["roi"] for _, fields in found) if is_label(name)
        ]
    subject = {"subject": "{subject}"} if "subject" in fields_of(template) else {}
    return {name: template.format(roi=name, **subject) for name in names}
