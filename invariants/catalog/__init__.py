"""The catalogue of invariants: what always holds, in plain words, with its policy and its tests.

One file an invariant, named by its id, so that each has an owner, a history and a review of its
own. `load` reads the files that come with the program and then an organisation's own folders.
Nothing here knows Django, the database or AWS.
"""

from invariants.catalog.loading import (
    SHIPPED,
    Catalogue,
    Entry,
    Version,
    digest,
    load,
    read_folders,
)
from invariants.catalog.probing import (
    Answer,
    Prepared,
    ProbeResult,
    SettingResult,
    grammar_of,
    keys_of,
    prepare,
    run_probe,
    run_probes,
    run_settings,
    stack_of,
)
from invariants.catalog.problems import CatalogueError, Place, Problem
from invariants.catalog.records import (
    Detects,
    Exemption,
    Invariant,
    Loop,
    Probe,
    Setting,
    Statement,
    StateOf,
    Step,
    Targets,
)
from invariants.catalog.requests import Surroundings, localised, probe_request, surroundings
from invariants.catalog.review import Remark, review
from invariants.catalog.schema import file_schema
from invariants.catalog.vocabulary import (
    AUTHORISATION_TYPES,
    BOUNDARY,
    RCP,
    SCP,
    TYPE_NAMES,
    AccountRole,
    Area,
    CarveOut,
    Events,
    Severity,
    type_name,
)

__all__ = [
    "AUTHORISATION_TYPES",
    "BOUNDARY",
    "RCP",
    "SCP",
    "SHIPPED",
    "TYPE_NAMES",
    "AccountRole",
    "Answer",
    "Area",
    "CarveOut",
    "Catalogue",
    "CatalogueError",
    "Detects",
    "Entry",
    "Events",
    "Exemption",
    "Invariant",
    "Loop",
    "Place",
    "Prepared",
    "Probe",
    "ProbeResult",
    "Problem",
    "Remark",
    "Setting",
    "SettingResult",
    "Severity",
    "StateOf",
    "Statement",
    "Step",
    "Surroundings",
    "Targets",
    "Version",
    "digest",
    "file_schema",
    "grammar_of",
    "keys_of",
    "load",
    "localised",
    "prepare",
    "probe_request",
    "read_folders",
    "review",
    "run_probe",
    "run_probes",
    "run_settings",
    "stack_of",
    "surroundings",
    "type_name",
]
