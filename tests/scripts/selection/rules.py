"""The tests that a change of a file needs: patterns of paths, and the tests for each.

    STEP            a step of tests/run.sh
    unit            the unit tests of the file's folder; of a header also those of all folders that include it
    units           all unit tests
    smoke           one quick class of each file of black-box tests
    blackbox        the file's own black-box tests, or blackbox:PATTERN as tests/blackbox/run.py takes it
    cli, examples, storm    these tests, with the dev build

All rules that match count. `*` matches slashes as well; a pattern behind `!` is an exception.
"""

import fnmatch

# For every change, and for a file that no rule matches.
ALWAYS = ("source",)
UNKNOWN = ("units", "smoke", "documents")

RULES = (
    ("*.md", "documents"),
    ("*.cpp *.hpp", "format"),
    ("proto/*.cpp proto/*.hpp lib/*.cpp lib/*.hpp daemon/*.cpp daemon/*.hpp", "tidy unit smoke documents"),
    ("cli/*.cpp cli/*.hpp",
     "tidy unit cli documents blackbox:test_cli_transports blackbox:test_cli_events blackbox:test_cli_subscribe"),
    ("examples/*.cpp examples/*.hpp", "tidy"),
    ("lib/include/*.hpp lib/service/* lib/server/* examples/* tests/examples/*", "examples"),
    ("examples/handlers/*", "blackbox:test_example_handlers"),
    ("sdk/* tests/sdk/*", "sdk"),
    ("sdk/python/*", "installed blackbox:test_python_sdk blackbox:test_example_handlers"),
    ("sdk/node/*", "installed blackbox:test_node_sdk blackbox:test_example_handlers"),
    ("lib/observe/*.cpp lib/observe/*.hpp deploy/prometheus/*", "metrics"),
    ("tests/lib/* tests/proto/* tests/daemon/* tests/cli/*_test.cpp", "unit"),
    ("tests/support/* tests/main.cpp tests/precompiled.hpp tests/CMakeLists.txt", "units"),
    ("tests/cli/*.py", "cli"),
    ("CMakeLists.txt */CMakeLists.txt cmake/* CMakePresets.json daemon/*.list */*.in",
     "units smoke cli examples installed"),
    ("tests/blackbox/test_*.py tests/clients/test_*.py tests/interop/test_*.py", "blackbox"),
    ("tests/blackbox/* !tests/blackbox/test_*", "smoke"),
    ("tests/clients/* !tests/clients/test_*", "blackbox:tests/clients/"),
    ("tests/interop/* !tests/interop/test_*", "blackbox:tests/interop/"),
    ("tests/conformance/*", "blackbox:test_protocol"),
    ("tests/storm/*", "storm"),
    ("tests/docs/* docs/*", "documents"),
    ("docs/models/*.pml", "models"),
    ("tests/fuzz/*", "fuzz"),
    ("tests/bench/* bench/*", "bench"),
    ("tests/cost/*", "cost"),
    ("tests/browser/*", "browser"),
    ("tests/scripts/* tests/run.sh .ci/* .clang-format .clang-tidy .editorconfig .gitignore LICENSE", "source"),
    ("tests/scripts/common.sh tests/scripts/count*", "smoke"),
    ("tests/scripts/reference/*", "documents"),
    (".clang-format", "format"),
    ("systemd/* tests/systemd.sh", "hardening systemd"),
    ("Dockerfile .dockerignore tests/container.sh deploy/container.toml", "container"),
    ("deploy/packages/*", "packages"),
    ("deploy/*", "documents"),
)


def matches(path, patterns):
    patterns = patterns.split()
    return (any(fnmatch.fnmatchcase(path, each) for each in patterns)
            and not any(fnmatch.fnmatchcase(path, each[1:]) for each in patterns if each[0] == "!"))


def asked_for(path):
    """The tests that a file needs by its path; a script of a step needs that step."""
    found = {what for patterns, asked in RULES if matches(path, patterns) for what in asked.split()}
    folder, _, name = path.rpartition("/")
    if folder == "tests/scripts/steps":
        found.add(name.removesuffix(".sh"))
    return found
