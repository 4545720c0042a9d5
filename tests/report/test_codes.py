"""Every code is one that the standard's dictionaries hold, with its meaning."""

from pydicom.sr._concepts_dict import concepts

from opacimeter.findings import Quantity, Region
from opacimeter.report import codes

# UCUM's base unit of mass; DICOM's context groups, from which pydicom's dictionary is made, have
# no gram.
NOT_IN_DICTIONARY = {codes.GRAM}


def meanings(code) -> set[str]:
    """All meanings the dictionary has for a code, without SNOMED's semantic tags."""
    found = {
        entries[code.value][0]
        for entries in concepts[code.scheme_designator].values()
        if code.value in entries
    }
    return found | {meaning.rsplit(" (", 1)[0] for meaning in found}


def test_every_standard_code_is_in_the_dictionaries_with_its_meaning():
    assert len(codes.STANDARD) > 30
    for code in codes.STANDARD:
        if code not in NOT_IN_DICTIONARY:
            assert code.meaning in meanings(code), code


def test_private_codes_are_within_the_limits_of_their_representations():
    assert len(codes.PRIVATE_SCHEME) <= 16  # SH
    assert codes.PRIVATE_SCHEME.startswith("99")  # PS3.16 8.2
    assert len(codes.PRIVATE_SCHEME_UID) <= 64
    for code in codes.PRIVATE:
        assert len(code.value) <= 16, code  # SH
        assert len(code.meaning) <= 64


def test_no_code_is_there_twice():
    known = [(code.scheme_designator, code.value) for code in (*codes.STANDARD, *codes.PRIVATE)]
    assert len(set(known)) == len(known)


def test_every_quantity_and_region_has_codes_and_no_two_the_same():
    assert set(codes.MEASURED) == set(Quantity)
    assert set(codes.SITES) == set(Region)
    assert len(set(codes.MEASURED.values())) == len(Quantity)
    assert len(set(codes.SITES.values())) == len(Region)


def test_volumes_are_told_in_the_unit_of_dicoms_context_group():
    # UCUM has mL, DICOM's CID 7462 has cm3, which is as much.
    volumes = {codes.MEASURED[each].unit.value for each in Quantity if each.unit == "mL"}
    assert volumes == {"cm3"}
    assert all(
        codes.MEASURED[each].unit.value == each.unit for each in Quantity if each.unit != "mL"
    )


def test_left_and_right_are_modifiers():
    assert codes.SITES[Region.LEFT_LUNG] == codes.Site(codes.LUNG, codes.LEFT)
    assert codes.SITES[Region.RIGHT_UPPER] == codes.Site(codes.UPPER_ZONE, codes.RIGHT)
