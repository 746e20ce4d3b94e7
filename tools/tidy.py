#!/usr/bin/env python3
"""Checks the rules of this repository that a program can check. Run by ctest; by hand: tools/tidy.py [--notes]

Each rule is one function below; its first line says what it demands. --notes also lists what is allowed but not liked.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

FILE_LINES_MAX = 800
FILE_LINES_TARGET = 400
FUNCTION_LINES_MAX = 70
README_LINES_MAX = 40

ADAPTERS = frozenset({"decode", "nats", "engine", "clickhouse", "trino"})
NO_ADAPTER: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Module:
    """A module may include modules of lower rows; of the adapters among them, only those named."""

    row: int
    adapters: frozenset[str] = NO_ADAPTER


# The module table of docs/ARCHITECTURE.md.
MODULES = {
    "base": Module(0),
    "telemetry": Module(1),
    "process": Module(1),
    "web": Module(1),
    "schema": Module(1),
    "batch": Module(2),
    "ports": Module(3),
    "decode": Module(4),
    "nats": Module(4),
    "engine": Module(4),
    "clickhouse": Module(4),
    "trino": Module(4),
    "transform": Module(5, frozenset({"decode", "engine"})),
    "lake": Module(5, frozenset({"engine"})),
    "pipeline": Module(5),
    "backfill": Module(6, ADAPTERS),
    "audit": Module(6, ADAPTERS),
    "maintain": Module(6, frozenset({"engine", "clickhouse"})),
    "http": Module(6),
    "config": Module(7, ADAPTERS),
    "cluster": Module(8, frozenset({"nats", "engine"})),
    "app": Module(9, ADAPTERS),
    "cli": Module(10, ADAPTERS),
}

# First folder or file of a library's headers -> the one module that knows the library (docs/decisions/0004-libraries.md).
WRAPPED_LIBRARIES = {
    "simdjson.h": "decode",
    "nats": "nats",
    "curl": "web",
    "lz4frame.h": "clickhouse",
    "lz4.h": "clickhouse",
    "weir_engine.h": "engine",
    "toml++": "config",
    "CLI": "cli",
    "spdlog": "telemetry",
    "fmt": "telemetry",
    "prometheus": "telemetry",
    "httplib.h": "http",
    "parquet": "backfill",
}

BANNED_NAMES = {
    "util": "name the concept it implements, or put it beside its one user",
    "helper": "name what it does; a helper of one file belongs into that file",
    "common": "name what the users have in common",
    "manager": "say what it does to what it holds: registry, pool, schedule, owner",
    "misc": "split it; each part has a name",
}

# These two must spell out what they forbid.
SELF = frozenset({"tools/tidy.py", "tools/tidy_test.py"})
CPP_SUFFIXES = frozenset({".h", ".cc", ".c"})
CODE_SUFFIXES = CPP_SUFFIXES | {".rs", ".py", ".sh", ".cmake", ".ts"}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str


def paths_below(root: Path) -> list[str]:
    """What git tracks or would track; in an unpacked archive, everything but what a build makes."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    if (root / ".git").exists():
        listing = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        return sorted(set(listing.stdout.splitlines()))
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if not {"build", "target", "__pycache__"} & set(path.parts))


@dataclass
class Tree:
    """The files under version control, or about to be: path relative to the root -> text. Binary files are left out."""

    files: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def load(root: Path) -> "Tree":
        tree = Tree()
        for path in paths_below(root):
            try:
                tree.files[path] = (root / path).read_text(encoding="utf-8")
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue  # binary, or deleted in the work tree
        return tree

    def of(self, suffixes: frozenset[str] | set[str]) -> Iterator[tuple[str, str]]:
        for path, text in self.files.items():
            if PurePosixPath(path).suffix in suffixes and path not in SELF:
                yield path, text

    def modules(self) -> list[str]:
        return sorted({path.split("/")[1] for path in self.files if re.fullmatch(r"src/[^/]+/.+", path)})


RULES: list[Callable[[Tree], Iterator[Finding]]] = []


def rule(function: Callable[[Tree], Iterator[Finding]]) -> Callable[[Tree], Iterator[Finding]]:
    RULES.append(function)
    return function


def matches(path: str, text: str, pattern: str) -> Iterator[tuple[Finding, re.Match[str]]]:
    """Every line of `text` that `pattern` is found in."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := re.search(pattern, line):
            yield Finding(path, number, ""), found


def said(at: Finding, text: str) -> Finding:
    return Finding(at.path, at.line, text)


@rule
def include_direction(tree: Tree) -> Iterator[Finding]:
    """A module includes only modules of lower rows, and only the adapters that the module table names for it."""
    for path, text in tree.of(CPP_SUFFIXES):
        if not path.startswith("src/"):
            continue
        own = path.split("/")[1]
        if own not in MODULES:
            yield Finding(path, 1, f"module '{own}' has no row in the module table of tools/tidy.py")
            continue
        is_test = re.search(r"_(test|itest|fuzz|bench)\.cc$", path)
        for at, found in matches(path, text, r'^\s*#\s*include\s+"([^/"]+)/'):
            other = found[1]
            if other in {"tests", "apps", "bench"} and not is_test:
                yield said(at, f"product code includes '{other}/'")
            if other not in MODULES or other == own or path.endswith("_itest.cc"):
                continue  # a test against servers may use any of the adapters to look at the outcome
            if MODULES[other].row >= MODULES[own].row:
                yield said(at, f"'{own}' (row {MODULES[own].row}) includes '{other}' (row {MODULES[other].row})")
            elif other in ADAPTERS and other not in MODULES[own].adapters:
                yield said(at, f"'{own}' includes the adapter '{other}', which the module table does not name for it")


@rule
def wrapped_libraries(tree: Tree) -> Iterator[Finding]:
    """A foreign library is included by the one module that wraps it; a test may be another client of a server."""
    for path, text in tree.of(CPP_SUFFIXES):
        if not path.startswith("src/") or re.search(r"_(test|itest|fuzz|bench)\.cc$", path):
            continue
        for at, found in matches(path, text, r'^\s*#\s*include\s+[<"]([^/>"]+)'):
            home = WRAPPED_LIBRARIES.get(found[1])
            # The folders of two modules are called like the libraries that they wrap: quotes mean the module.
            if home and home != path.split("/")[1] and ("<" in found[0] or found[1] not in MODULES):
                yield said(at, f"<{found[1]}> belongs behind module '{home}'")


@rule
def file_cap(tree: Tree) -> Iterator[Finding]:
    """No source file is longer than 800 lines."""
    for path, text in tree.of(CODE_SUFFIXES):
        if (lines := text.count("\n")) > FILE_LINES_MAX:
            yield Finding(path, lines, f"{lines} lines; the cap is {FILE_LINES_MAX}, the target {FILE_LINES_TARGET}")


def blank_out(text: str) -> str:
    """`text` without comments, literals and preprocessor lines, every line still in its place."""

    def keep_lines(found: re.Match[str]) -> str:
        return ("''" if found[0][0] not in "/#" else " ") + "\n" * found[0].count("\n")

    literal_or_comment = (
        r'//[^\n]*|/\*.*?\*/|R"(?P<fence>[^\s()\\]{0,16})\(.*?\)(?P=fence)"|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'"
    )
    text = re.sub(literal_or_comment, keep_lines, text, flags=re.DOTALL)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", keep_lines, text, flags=re.MULTILINE)


def opens_function(head: str) -> bool:
    """Whether a brace after `head` (what stands before it in its statement) opens the body of a function."""
    if head.count("(") != head.count(")"):
        return False  # inside an argument list
    while (shorter := re.sub(r"<[^<>]*>|\[\[[^]]*\]\]|alignas\([^()]*\)", " ", head)) != head:
        head = shorter
    if re.search(r"\b(namespace|class|struct|union|enum|extern)\b[^()]*$", head) or "(" not in head:
        return False
    outside = head
    while (shorter := re.sub(r"\([^()]*\)", "", outside)) != outside:
        outside = shorter
    if "=" in outside and "operator" not in outside:
        return False  # a variable with a braced value
    in_initializers = re.search(r"\)\s*(noexcept)?\s*:[^:]", head)
    return not (in_initializers and re.search(r"[\w>]\s*$", head))


def function_lengths(text: str) -> Iterator[tuple[int, int, str]]:
    """(first line, number of lines, head) of each function body outside other functions. A heuristic: it counts braces."""
    line, head, head_line = 1, "", 0
    stack: list[str] = []  # what each open brace is: "scope", "value" or "function"
    for c in blank_out(text):
        if c == "\n":
            line += 1
        inside = "function" in stack or "value" in stack
        if c == "{":
            is_scope = re.search(r"\b(namespace|class|struct|union|enum|extern)\b", head) and not opens_function(head)
            kind = "value" if inside else "function" if opens_function(head) else "scope" if is_scope else "value"
            stack.append(kind)
            if kind == "scope":
                head = ""
        elif c == "}" and stack:
            kind = stack.pop()
            if kind == "function":
                yield head_line, line - head_line + 1, " ".join(head.split())
            if kind != "value" and not ("function" in stack or "value" in stack):
                head = ""
        elif not inside:
            if c == ";":
                head = ""
            elif head or not c.isspace():
                if not head:
                    head_line = line
                head += c


@rule
def function_cap(tree: Tree) -> Iterator[Finding]:
    """No C++ function is longer than 70 lines."""
    for path, text in tree.of(CPP_SUFFIXES):
        for line, lines, head in function_lengths(text):
            if lines > FUNCTION_LINES_MAX:
                yield Finding(path, line, f"{lines} lines in one function; the cap is {FUNCTION_LINES_MAX}: {head[:60]}")


def words_of(name: str) -> list[str]:
    """The words of snake_case and PascalCase names, in lower case and without a plural s."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return [part.lower().removesuffix("s") for part in parts] + [part.lower() for part in parts]


@rule
def banned_names(tree: Tree) -> Iterator[Finding]:
    """No file, folder or class is called util, helper, common, manager or misc: the name says nothing."""
    for path in tree.files:
        for word in BANNED_NAMES.keys() & set(words_of(path)):
            yield Finding(path, 1, f"'{word}' in the name: {BANNED_NAMES[word]}")
    for path, text in tree.of(CPP_SUFFIXES):
        for at, found in matches(path, text, r"\b(?:class|struct)\s+(?:\[\[[^]]*\]\]\s*)?(\w+)\b(?!\s*>)"):
            for word in BANNED_NAMES.keys() & set(words_of(found[1])):
                yield said(at, f"'{word}' in class {found[1]}: {BANNED_NAMES[word]}")


@rule
def module_readme(tree: Tree) -> Iterator[Finding]:
    """Every module has a README.md of at most 40 lines."""
    for module in tree.modules():
        path = f"src/{module}/README.md"
        if path not in tree.files:
            yield Finding(path, 1, "missing: say what the module is, why it exists and what belongs here")
        elif (lines := tree.files[path].count("\n")) > README_LINES_MAX:
            yield Finding(path, lines, f"{lines} lines; the cap is {README_LINES_MAX}")


@rule
def todo_with_issue(tree: Tree) -> Iterator[Finding]:
    """TODO and FIXME name their issue: TODO(#12)."""
    for path, text in tree.of(CODE_SUFFIXES | {".txt"}):
        for at, found in matches(path, text, r"\b(TODO|FIXME)\b(?!\(#\d+\))"):
            yield said(at, f"{found[1]} without an issue; write {found[1]}(#number)")


@rule
def no_machine_paths(tree: Tree) -> Iterator[Finding]:
    """No file holds a path that exists on one machine only."""
    for path, text in tree.files.items():
        if path not in SELF:
            for at, found in matches(path, text, r"(?<![\w.~}*-])/(?:root|work)/|(?<![\w.~}*-])/home/\w"):
                yield said(at, f"'{found[0]}' is a path of somebody's machine")


@rule
def no_trailing_whitespace(tree: Tree) -> Iterator[Finding]:
    """No line ends in white space, and every file ends in one line break; recorded output (.expected) is as it is."""
    for path, text in tree.files.items():
        if path.endswith(".expected"):
            continue
        for at, _ in matches(path, text, r"[ \t\r]+$"):
            yield said(at, "white space at the end of the line")
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield Finding(path, text.count("\n"), "the file must end in exactly one line break")


@rule
def sources_are_listed(tree: Tree) -> Iterator[Finding]:
    """Every header, source and test of a module stands in its CMakeLists.txt; x_fixture.h, which tests share, may not."""
    for path, _ in tree.of(CPP_SUFFIXES):
        found = re.fullmatch(r"(src/[^/]+)/([^/]+)", path)
        if not found or path.endswith("_fixture.h"):
            continue
        listing = tree.files.get(f"{found[1]}/CMakeLists.txt", "")
        if found[2] not in re.split(r"[\s()]+", listing):
            yield Finding(path, 1, f"not listed in {found[1]}/CMakeLists.txt, so nothing builds it")


@rule
def architecture_tree(tree: Tree) -> Iterator[Finding]:
    """docs/ARCHITECTURE.md names, between <!-- tree --> and <!-- /tree -->, each module as src/NAME and no other."""
    path = "docs/ARCHITECTURE.md"
    block = re.search(r"<!-- tree -->(.*?)<!-- /tree -->", tree.files.get(path, ""), re.DOTALL)
    if not block:
        yield Finding(path, 1, "no <!-- tree --> ... <!-- /tree --> block")
        return
    described, real = set(re.findall(r"\bsrc/(\w+)", block[1])), set(tree.modules())
    line = tree.files[path][: block.start()].count("\n") + 1
    for module in sorted(real - described):
        yield Finding(path, line, f"src/{module} is there but not in the tree")
    for module in sorted(described - real):
        yield Finding(path, line, f"src/{module} is in the tree but not there")


@rule
def no_disabled_tests(tree: Tree) -> Iterator[Finding]:
    """No test is skipped or disabled: a test that cannot run fails and says why."""
    for path, text in tree.of(CPP_SUFFIXES):
        for at, found in matches(path, text, r"\bGTEST_SKIP\b|\bDISABLED_\w+"):
            yield said(at, f"{found[0]}: fix the test or delete it")


@rule
def no_source_globs(tree: Tree) -> Iterator[Finding]:
    """CMake lists its sources by name."""
    for path, text in tree.files.items():
        if path.endswith((".cmake", "CMakeLists.txt")):
            for at, _ in matches(path, text, r"(?i)file\s*\(\s*GLOB(_RECURSE)?\b.*\*\.(h|cc|c|cpp|hpp|rs|proto)\b"):
                yield said(at, "file(GLOB) of sources: a new file would not be noticed; list them")


def notes(tree: Tree) -> Iterator[Finding]:
    for path, text in tree.of(CODE_SUFFIXES):
        if FILE_LINES_TARGET < (lines := text.count("\n")) <= FILE_LINES_MAX:
            yield Finding(path, lines, f"note: {lines} lines; the target is {FILE_LINES_TARGET}")


def main() -> int:
    tree = Tree.load(Path(__file__).resolve().parent.parent)
    if "--notes" in sys.argv[1:]:
        for finding in notes(tree):
            print(f"{finding.path}:{finding.line}: {finding.text}")
    findings = [(check.__name__, finding) for check in RULES for finding in check(tree)]
    for name, finding in findings:
        print(f"{finding.path}:{finding.line}: {finding.text} [{name}]")
    print(f"tidy: {len(tree.files)} files, {len(RULES)} rules, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
