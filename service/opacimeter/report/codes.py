"""Every code that our DICOM and FHIR documents use.

Standard codes wherever there is one (PS3.16 annex D: SNOMED CT, DICOM, UCUM, LOINC); laterality is
a modifier, since DICOM's own dictionaries carry no code for the left or the right lung. Where the
field has a measure and no scheme a code, the private scheme `PRIVATE_SCHEME` names it;
docs/conformance.md lists it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pydicom import Dataset
from pydicom.sr.coding import Code

from opacimeter.findings import Quantity, Region

__all__ = [
    "MEASURED",
    "PRIVATE",
    "PRIVATE_SCHEME",
    "SITES",
    "STANDARD",
    "Measured",
    "Site",
    "coding_scheme",
]

PRIVATE_SCHEME: Final = "99OPACIMETER"
"""At most 16 characters, beginning with 99 (PS3.16 8.2)."""
PRIVATE_SCHEME_UID: Final = "2.25.241284237069114787864716883442625915185"
"""Fixed for ever: names the scheme to programs (Coding Scheme UID)."""

ANATOMICAL_STRUCTURE: Final = Code("91723000", "SCT", "Anatomical Structure")
ABNORMAL_STRUCTURE: Final = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LUNG: Final = Code("39607008", "SCT", "Lung")
UPPER_ZONE: Final = Code("281392002", "SCT", "Upper zone of lung")
MIDDLE_ZONE: Final = Code("281393007", "SCT", "Middle zone of lung")
LOWER_ZONE: Final = Code("281394001", "SCT", "Lower zone of lung")
LEFT: Final = Code("7771000", "SCT", "Left")
RIGHT: Final = Code("24028007", "SCT", "Right")
BILATERAL: Final = Code("51440002", "SCT", "Bilateral")
LESION: Final = Code("52988006", "SCT", "Lesion")
YES: Final = Code("373066001", "SCT", "Yes")
NO: Final = Code("373067005", "SCT", "No")

VOLUME: Final = Code("118565006", "SCT", "Volume")
VOLUME_RATIO: Final = Code("113288", "DCM", "Volume Ratio")
MASS: Final = Code("118538004", "SCT", "Mass")
LESION_COUNT: Final = Code("246206008", "SCT", "Number of lesions")
ATTENUATION: Final = Code("112031", "DCM", "Attenuation Coefficient")
MEAN: Final = Code("373098007", "SCT", "Mean")
STANDARD_DEVIATION: Final = Code("386136009", "SCT", "Standard Deviation")

ML: Final = Code("cm3", "UCUM", "cubic centimeter")
PERCENT: Final = Code("%", "UCUM", "Percent")
GRAM: Final = Code("g", "UCUM", "gram")
HU: Final = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
ONE: Final = Code("1", "UCUM", "no units")

ARTIFICIAL_INTELLIGENCE: Final = Code("123110", "DCM", "Artificial Intelligence")
CHEST_CT: Final = Code("24627-2", "LN", "CT Chest Report")
COMPUTED_TOMOGRAPHY: Final = Code("CT", "DCM", "Computed Tomography")
MEASUREMENT_REPORT: Final = Code("126000", "DCM", "Imaging Measurement Report")
SEGMENTATION: Final = Code("113076", "DCM", "Segmentation")
SEGMENTED_IMAGE: Final = Code("121322", "DCM", "Source image for image processing operation")
IMAGE_LIBRARY: Final = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP: Final = Code("126200", "DCM", "Image Library Group")
COMMENT: Final = Code("121106", "DCM", "Comment")
PERSON: Final = Code("121006", "DCM", "Person")
DEVICE: Final = Code("121007", "DCM", "Device")
REJECTED_FOR_QUALITY: Final = Code("113001", "DCM", "Rejected for Quality Reasons")

HIGH_OPACITY: Final = Code("high-opacity", PRIVATE_SCHEME, "High opacity")
LOW_ATTENUATION_RATIO: Final = Code(
    "low-attenuation", PRIVATE_SCHEME, "Ratio of lung below -950 HU"
)
INTERVAL_LOW: Final = Code(
    "interval-90-low", PRIVATE_SCHEME, "Low end of the 90 % interval of the volume ratio"
)
INTERVAL_HIGH: Final = Code(
    "interval-90-high", PRIVATE_SCHEME, "High end of the 90 % interval of the volume ratio"
)
DETECTION_LIMIT: Final = Code(
    "detection-limit", PRIVATE_SCHEME, "Detection limit of the volume ratio"
)
BELOW_LIMIT: Final = Code(
    "below-limit", PRIVATE_SCHEME, "Volume ratio is below the detection limit"
)
CT_SS: Final = Code("ct-ss", PRIVATE_SCHEME, "CT severity score, grade 1 to 5")
NEAR_BOUNDARY: Final = Code(
    "ct-ss-near-end", PRIVATE_SCHEME, "90 % interval crosses an end of the grade"
)
ZONE_SCORE: Final = Code("zone-score", PRIVATE_SCHEME, "Score of six lung zones, 0 to 24")

_ALL: Final = tuple(value for value in list(globals().values()) if isinstance(value, Code))
STANDARD: Final = tuple(code for code in _ALL if code.scheme_designator != PRIVATE_SCHEME)
"""Every standard code in use."""
PRIVATE: Final = tuple(code for code in _ALL if code.scheme_designator == PRIVATE_SCHEME)
"""Every code of the private scheme."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a region lies: an anatomic location, and its side as a modifier."""

    location: Code
    laterality: Code


SITES: Final[Mapping[Region, Site]] = MappingProxyType(
    {
        Region.LUNGS: Site(LUNG, BILATERAL),
        Region.LEFT_LUNG: Site(LUNG, LEFT),
        Region.RIGHT_LUNG: Site(LUNG, RIGHT),
        Region.RIGHT_UPPER: Site(UPPER_ZONE, RIGHT),
        Region.RIGHT_MIDDLE: Site(MIDDLE_ZONE, RIGHT),
        Region.RIGHT_LOWER: Site(LOWER_ZONE, RIGHT),
        Region.LEFT_UPPER: Site(UPPER_ZONE, LEFT),
        Region.LEFT_MIDDLE: Site(MIDDLE_ZONE, LEFT),
        Region.LEFT_LOWER: Site(LOWER_ZONE, LEFT),
    }
)


@dataclass(frozen=True, slots=True)
class Measured:
    """How a quantity is told: of which finding, by which name, in which unit.

    Attributes:
        finding: What was measured at the region's site.
        name: The measurement's concept name.
        unit: UCUM unit; cm3 for ml, as DICOM's context group 7462 has it.
        derivation: Mean or standard deviation, else None.
    """

    finding: Code
    name: Code
    unit: Code
    derivation: Code | None = None


MEASURED: Final[Mapping[Quantity, Measured]] = MappingProxyType(
    {
        Quantity.VOLUME_ML: Measured(LUNG, VOLUME, ML),
        Quantity.LOW_ATTENUATION_PERCENT: Measured(LUNG, LOW_ATTENUATION_RATIO, PERCENT),
        Quantity.MASS_G: Measured(LUNG, MASS, GRAM),
        Quantity.MEAN_HU: Measured(LUNG, ATTENUATION, HU, MEAN),
        Quantity.SD_HU: Measured(LUNG, ATTENUATION, HU, STANDARD_DEVIATION),
        Quantity.LESION_ML: Measured(LESION, VOLUME, ML),
        Quantity.LESION_PERCENT: Measured(LESION, VOLUME_RATIO, PERCENT),
        Quantity.LESION_MASS_G: Measured(LESION, MASS, GRAM),
        Quantity.LESION_MEAN_HU: Measured(LESION, ATTENUATION, HU, MEAN),
        Quantity.LESION_COUNT: Measured(LESION, LESION_COUNT, ONE),
        Quantity.HIGH_OPACITY_ML: Measured(HIGH_OPACITY, VOLUME, ML),
        Quantity.HIGH_OPACITY_PERCENT: Measured(HIGH_OPACITY, VOLUME_RATIO, PERCENT),
    }
)
"""A volume ratio is the finding's volume over that of the lung at its site."""


def coding_scheme() -> Dataset:
    """The private scheme's item of the Coding Scheme Identification Sequence (PS3.3 C.12.1)."""
    item = Dataset()
    item.CodingSchemeDesignator = PRIVATE_SCHEME
    item.CodingSchemeUID = PRIVATE_SCHEME_UID
    item.CodingSchemeName = "opacimeter"
    item.CodingSchemeResponsibleOrganization = "opacimeter"
    return item
