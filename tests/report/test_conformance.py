"""docs/pacs.md and docs/conformance.md say what the code does: their tables are those of the code.

After a change that is meant: `python -m tests.report.conformance_tables` writes the tables that are
made; words beside a table that is held are mended by hand.
"""

import re
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID
from pynetdicom import ALL_TRANSFER_SYNTAXES, DEFAULT_TRANSFER_SYNTAXES
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

import opacimeter
from opacimeter.api.dicomweb import answer, qido, routers
from opacimeter.app import archives
from opacimeter.exchange import StoreStatus, committing, dicomweb, dimse, listener
from opacimeter.exchange.instances import DUPLICATE, failure
from opacimeter.exchange.receiving import CT_CLASSES, CT_SYNTAXES
from opacimeter.report import codes
from opacimeter.report.segments import SEGMENTS
from opacimeter.settings import Listener, Pacs, Settings
from tests.report.conformance_requests import find_keys, web_requests
from tests.report.conformance_tables import DOCS, DOCUMENTS, made_tables, tables

STATEMENT = (DOCS / "conformance.md").read_text(encoding="utf-8")
SAID = " ".join(STATEMENT.split())
HELD = {
    name: [tuple(cell.strip("`") for cell in row) for row in rows]
    for name, rows in tables("held").items()
}
MADE = tables("made")
STORE, SEARCH, RETRIEVE = (router.routes for router in routers)


def held(name):
    """A table with words of its own."""
    return HELD[name]


def column(name):
    """Its first cells."""
    return [row[0] for row in held(name)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_tables(tmp_path_factory.mktemp("conformance"))


@pytest.mark.parametrize("name", MADE)
def test_a_table_that_is_made_is_the_one_of_the_code(made, name):
    assert MADE[name] == made[name]


def test_every_table_of_the_code_stands_in_a_document(made):
    assert MADE.keys() == made.keys()


# What is written


def test_every_attribute_written_belongs_to_a_module_of_its_class(made):
    """Else the class would be extended, and the statement says it is standard."""
    assert "none" not in {row[0] for row in (*made["attributes"], *made["kept"])}


def test_every_attribute_kept_of_the_source_is_in_every_object(made):
    kept = {(row[1], row[3]) for row in made["kept"]}
    found = {row[1]: set(row[5:]) for row in made["attributes"]}
    assert {(keyword, *found[keyword]) for keyword, _ in kept} == kept


def test_every_quantity_is_in_the_table():
    assert set(held("measurements")) == {
        (
            quantity.value,
            measured.finding.meaning,
            measured.name.meaning
            + (f", {measured.derivation.meaning}" if measured.derivation else ""),
            measured.unit.value,
        )
        for quantity, measured in codes.MEASURED.items()
    }


def test_every_segment_is_in_the_table():
    assert set(held("segments")) == {
        (kind.value, str(number), segment.label, segment.finding.meaning)
        for kind, segments in SEGMENTS.items()
        for number, segment in enumerate(segments, 1)
    }


def test_the_private_scheme_is_named():
    assert codes.PRIVATE_SCHEME_UID in STATEMENT
    assert f"### 10.1 Private coding scheme {codes.PRIVATE_SCHEME}" in STATEMENT


def test_the_product_has_the_version_of_the_software():
    assert f"| Product | opacimeter {opacimeter.__version__} |" in STATEMENT


def test_what_may_be_sent_is_what_the_settings_name():
    told = {row[0]: tuple(row[1].replace("`", "").split(", ")) for row in held("sent")}
    assert told == dict(archives._DOCUMENTS)


# DIMSE


def test_every_service_and_its_roles_are_in_the_table(made):
    asked = {row[2].strip("`") for row in made["proposed"]}
    taken = _accepted().keys()
    roles = {row[2]: (row[3] == "Y", row[4] == "Y") for row in held("dimse-services") if row[2]}
    services = {
        Verification, StorageCommitmentPushModel, StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelGet,
    }  # fmt: skip
    assert roles == {uid: (uid in asked, uid in taken) for uid in services}


def _accepted():
    asked = listener.Listener("OPACIMETER", ())
    return {
        str(context.abstract_syntax): list(map(str, context.transfer_syntax))
        for context in listener._entity(asked).supported_contexts
    }


def test_the_listener_accepts_what_the_tables_say(made):
    found = _accepted()
    assert found.pop(Verification) == found.pop(StorageCommitmentPushModel)
    assert [row[1] for row in held("accepted")[:2]] == [
        ", ".join(UID(each).name for each in DEFAULT_TRANSFER_SYNTAXES)
    ] * 2
    assert {found.pop(uid)[0] for uid in CT_CLASSES} == {CT_SYNTAXES[0]}
    assert all(syntaxes == list(ALL_TRANSFER_SYNTAXES) for syntaxes in found.values())
    named = {row[1].strip("`") for name in ("storage", "aside") for row in made[name]}
    assert named == {*found, *CT_CLASSES}
    assert column("accepted")[:2] == ["Verification", "Storage Commitment Push Model"]
    assert len(held("accepted")) == 4


def test_whoever_is_rejected_gets_what_the_table_says():
    """What the library answers by itself, tests/exchange/test_listener.py sees on the line."""
    told = {tuple(cell.split(maxsplit=1)[0] for cell in row[:3]) for row in held("rejections")}
    assert tuple(str(each) for each in listener._CALLING_UNKNOWN) in told
    assert told == {("1", "1", "3"), ("1", "1", "7"), ("2", "3", "2")}


def test_every_status_that_c_store_is_answered_with_is_in_the_table():
    assert [(row[1], row[2]) for row in held("store-scp")] == [
        (f"{each:04X}", listener._COMMENTS.get(each, "")) for each in StoreStatus
    ]


def test_what_a_status_of_c_store_brings_about_is_in_the_table():
    rows = [row for row in held("store-scu") if row[2]]
    assert {(row[2], row[3].partition(":")[0]) for row in rows} == {
        (row[2], _behaviour(int(row[2], 16))) for row in rows
    }
    named = {int(row[2], 16) for row in rows}
    assert named >= {0, DUPLICATE, *dimse._WARNINGS}
    assert all(row[1] in failure(int(row[2], 16)).reason for row in rows if row[3] == "tried again")


def _behaviour(code):
    if code == 0 or code in dimse._WARNINGS or code == DUPLICATE:
        return "stored"
    return "fails" if failure(code).lasting else "tried again"


def test_every_answer_to_a_request_for_commitment_is_in_the_tables():
    reasons = {committing._NO_SUCH_INSTANCE, committing._CLASS_CONFLICT}
    assert set(column("commitment-reasons")) == {f"{each:04X}" for each in reasons}
    statuses = {
        committing._SUCCESS, 0x0110, committing._MISSING_ATTRIBUTE, committing._NO_SUCH_ACTION
    }  # fmt: skip
    assert set(column("commitment-scp")) == {f"{each:04X}" for each in statuses}
    events = {committing._ALL_HELD, committing._SOME_FAILED}
    assert set(column("commitment-scu")) == {str(each) for each in events}
    pauses = committing._PAUSES_S
    assert f"{len(pauses) + 1} times within about {round(sum(pauses) / 60)} minutes" in SAID


def test_every_key_of_a_query_is_in_the_table(tmp_path):
    found = {}
    for level, keyword, tag, *_ in held("find-keys"):
        number = tag_for_keyword(keyword)
        assert tag == f"({number >> 16:04X},{number & 0xFFFF:04X})"
        found.setdefault(level, set()).add(keyword)
    assert found == find_keys(tmp_path)


def test_what_a_peer_must_know_has_its_default_in_the_table():
    named = {}
    for entity, _, names, defaults in held("configuration"):
        named.setdefault(entity, set()).update(_many(names))
        fields = (Listener if entity == "Listener SCP" else Pacs).model_fields
        for name, told in zip(_many(names), _many(defaults) * 9, strict=False):
            default = fields[name].default
            number = f"{default:g}" if isinstance(default, float) else str(default)
            assert told == ("required" if default is None else number), name
    assert named == {
        "Archive SCU": {"calling", "host", "port", "aet", "timeout_s", "commit_wait_s"},
        "Temporary SCP": {"calling", "receive_host", "receive_port"},
        "Listener SCP": {"aet", "host", "port", "max_associations", "timeout_s"},
    }


def _many(cell):
    return cell.replace("`", "").split(", ")


# DICOM web


@pytest.mark.parametrize(
    ("routes", "table"),
    [
        (STORE, "store-resources"),
        (SEARCH, "search-resources"),
        (RETRIEVE, "retrieve-resources"),
    ],
    ids=["store", "search", "retrieve"],
)
def test_every_resource_is_in_its_table(routes, table):
    assert sorted(column(table)) == sorted(
        route.path.removeprefix("/dicom-web") for route in routes
    )


@pytest.mark.parametrize(
    ("routes", "table"),
    [(STORE, "store-origin"), (SEARCH, "search-origin"), (RETRIEVE, "retrieve-origin")],
    ids=["store", "search", "retrieve"],
)
def test_every_status_is_in_its_table(routes, table):
    told = {int(code) for code in column(table)}
    assert all(told == set(route.responses) for route in routes)


def test_every_reason_why_an_object_is_not_stored_is_in_the_table():
    assert column("store-reasons") == [f"{reason:04X}" for reason in answer.Reason]


def test_every_parameter_of_a_search_is_in_the_table():
    assert set(column("search-parameters")) == qido._PAGING
    (limit,) = (row[1] for row in held("search-parameters") if row[0] == "limit")
    assert str(qido._MOST) in limit


def test_what_the_user_agent_asks_for_is_in_the_tables(tmp_path):
    asked = web_requests(tmp_path)
    told = {
        resource: (set(_many(keys)), set(_many(fields)))
        for resource, keys, fields, _ in held("search-agent")
    }
    paged = {"limit", "offset"}
    assert told == {
        resource: (each.keys - paged or {""}, each.fields or {""})
        for resource, each in asked["search"].items()
    }
    assert {resource for resource, each in asked["search"].items() if "limit" in each.keys} == {
        "/studies", "/studies/{study}/series"
    }  # fmt: skip
    assert f"`limit` {dicomweb._PAGE} " in SAID
    assert {each.accept for each in asked["search"].values()} == {"application/dicom+json"}
    assert [(row[0], row[1]) for row in held("retrieve-agent")] == [
        (resource, each.accept) for resource, each in asked["retrieve"].items()
    ]
    ((resource, each),) = asked["store"].items()
    assert [row[0] for row in held("store-agent")] == [resource, "", ""]
    headers = {row[1].strip("`"): row[2].strip("`") for row in held("store-agent")}
    assert headers["Accept"] == each.accept
    assert headers["Content-Type"] == re.sub("boundary=.*", "boundary=…", each.content_type)


def test_what_a_status_means_to_the_user_agent_is_in_the_table():
    rows = {row[0]: row[1:] for row in held("agent")}
    again = {int(code) for code, (store, _) in rows.items() if store == "tried again"}
    assert again == dicomweb._PASSING
    assert rows.keys() == {"2xx", "409", "any other", *map(str, again)}
    codes_told = re.search(r"is held, ([0-9, and]+) mean that", SAID)[1]
    assert {int(each) for each in re.findall(r"\d+", codes_told)} == dicomweb._NO_QUERIES


# The documents themselves


def test_the_documents_tell_of_no_setting_that_is_gone():
    told = {
        name
        for document in DOCUMENTS
        for name in re.findall(r"OPACIMETER_([A-Z_]+)", document.read_text("utf-8"))
    }
    assert told <= {name.upper() for name in Settings.model_fields}
    (days,) = re.findall(r"`OPACIMETER_KEEP_OTHERS_DAYS` \((\d+)\)", SAID)
    assert float(days) == Settings.model_fields["keep_others_days"].default


def test_links_into_the_documents_lead_to_their_headings():
    anchors = {
        document.name: {_anchor(head) for head in re.findall(r"^#+ (.*)$", _text(document), re.M)}
        for document in DOCUMENTS
    }
    for document in DOCS.rglob("*.md"):
        for name, anchor in re.findall(r"\]\(([\w.-]*)#([^)]+)\)", _text(document)):
            if (name or document.name) in anchors:
                assert anchor in anchors[name or document.name], f"{document.name}: #{anchor}"


def _text(document):
    return document.read_text(encoding="utf-8")


def _anchor(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_chapters_are_those_of_annex_n():
    chapters = re.findall(r"^## (\d+) ", STATEMENT, re.M)
    assert chapters == [str(number) for number in range(1, 11)]


def test_every_table_that_is_held_is_held():
    """By one of the tests above."""
    assert HELD.keys() <= set(re.findall(r'"([a-z-]+)"', _text(Path(__file__))))
