"""Drop-ins for nilearn's maskers: the same parameters and results, streamed.

Importing this package imports nilearn and scikit-learn; nothing else of
boldstream does.
"""

from boldstream.maskers.labels_masker import NiftiLabelsMasker
from boldstream.maskers.many import fit_transform_many
from boldstream.maskers.maps_masker import NiftiMapsMasker
from boldstream.maskers.multi import (
    MultiNiftiLabelsMasker,
    MultiNiftiMapsMasker,
    MultiNiftiMasker,
)
from boldstream.maskers.nifti_masker import NiftiMasker
from boldstream.maskers.spheres_masker import NiftiSpheresMasker

__all__ = [
    "MultiNiftiLabelsMasker",
    "MultiNiftiMapsMasker",
    "MultiNiftiMasker",
    "NiftiLabelsMasker",
    "NiftiMapsMasker",
    "NiftiMasker",
    "NiftiSpheresMasker",
    "fit_transform_many",
]
