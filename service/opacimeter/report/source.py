"""What our objects take over from the source's header: patient and study.

The character set is kept, so that an archive finds the same bytes in the name; where it cannot
hold the text, the object is written in UTF-8. A value that cannot be read is left out, an
attribute of type 2 is then empty (PS3.5 7.4.3).
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from pydicom import Dataset, config
from pydicom.charset import convert_encodings, decode_bytes, encode_string, python_encoding
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.valuerep import TEXT_VR_DELIMS, PersonName, validate_value

from opacimeter.volume import Volume

__all__ = ["declare_character_set", "patient_and_study", "source_header"]

# Patient, General Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2), clinical
# trial subject (C.7.1.3), and the offset in which the dates above are told (C.12.1).
_EMPTY_IF_ABSENT: Final = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
]
_IF_PRESENT: Final = [
    "IssuerOfPatientID",
    "TypeOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "PatientBirthTime",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "StudyDescription",
    "IssuerOfAccessionNumberSequence",
    "ProcedureCodeSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "TimezoneOffsetFromUTC",
]
_UTF_8: Final = "ISO_IR 192"
# Broken ones are no use to anybody; a text that is merely too long still identifies the patient.
_CHECKED: Final = frozenset({"AS", "CS", "DA", "DS", "IS", "TM", "UI"})
_TEXTS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})


def source_header(volume: Volume) -> Dataset:
    """Patient and study of the volume's source, see `patient_and_study`."""
    return patient_and_study(volume.series.header, volume.series.study_uid)


def patient_and_study(header: Dataset, study_uid: str) -> Dataset:
    """Patient and study of a header, with its character set; a new dataset.

    Every attribute of type 2 of these modules is there, empty where the source has none or one
    that cannot be read.
    """
    elements = [_readable(header, keyword) for keyword in (*_EMPTY_IF_ABSENT, *_IF_PRESENT)]
    dataset = Dataset()
    for element in elements:
        if element is not None:
            dataset.add(element)
    for keyword in _EMPTY_IF_ABSENT:
        if keyword not in dataset:
            setattr(dataset, keyword, "")
    dataset.StudyInstanceUID = study_uid
    _declare_character_set(dataset, _declared(header))
    return dataset


def declare_character_set(dataset: Dataset) -> None:
    """Keep a finished dataset's character set where it holds all texts, else write it in UTF-8."""
    _declare_character_set(dataset, _declared(dataset))


def _readable(header: Dataset, keyword: str) -> DataElement | None:
    """A copy of an element whose value makes sense, else None."""
    try:
        if keyword not in header:
            return None
        element = deepcopy(header[keyword])
        if element.VR in _CHECKED:
            for value in _values(element):
                validate_value(element.VR, str(value), config.RAISE)
        if element.VR == "SQ":
            list(_texts(element.value))  # converts every value within
    except Exception:
        # The boundary to foreign bytes: pydicom converts when asked, and raises whatever the
        # conversion raises. An object is not lost over a field that cannot be read.
        return None
    return element


def _declared(header: Dataset) -> list[str]:
    """The source's character sets as it wrote them; none where they cannot be read."""
    element = _readable(header, "SpecificCharacterSet")
    return [] if element is None else [str(value or "") for value in _values(element)]


def _declare_character_set(dataset: Dataset, declared: list[str]) -> None:
    """Keep the source's set where it holds all texts, else take one that does."""
    texts = list(_texts([dataset]))
    if not any(declared) and all(text.isascii() for text in texts):
        return  # the default repertoire needs no declaration
    # Undeclared texts were read as Latin-1: so declared, their bytes stay the same.
    chosen = declared if any(declared) else ["ISO_IR 100"]
    if not _holds(chosen, texts):
        chosen = [_UTF_8]
        _forget_bytes(dataset)
    dataset.SpecificCharacterSet = chosen if len(chosen) > 1 else chosen[0]


def _holds(sets: list[str], texts: list[str]) -> bool:
    if not all(name in python_encoding for name in sets):
        return False
    try:
        encodings = convert_encodings(list(sets))
        return all(
            decode_bytes(encode_string(text, encodings), encodings, TEXT_VR_DELIMS) == text
            for text in texts
        )
    except (UnicodeError, LookupError, UserWarning):
        # A warning where warnings are errors: pydicom says so before it writes question marks.
        return False


def _texts(datasets: Sequence | list[Dataset]) -> Iterator[str]:
    """Every text of datasets and their sequences, a name by its component groups."""
    for dataset in datasets:
        for element in dataset:
            if element.VR == "SQ":
                yield from _texts(element.value)
            elif element.VR in _TEXTS:
                for value in _values(element):
                    yield from str(value).split("=")


def _forget_bytes(dataset: Dataset) -> None:
    """Make names of their texts alone: they would else be written as they were read."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _forget_bytes(item)
        elif element.VR == "PN":
            names = [PersonName(str(value)) for value in _values(element)]
            element.value = names if len(names) > 1 else next(iter(names), "")
    if "SpecificCharacterSet" in dataset:
        del dataset.SpecificCharacterSet


def _values(element: DataElement) -> list[object]:
    value = element.value
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue) else [value]
