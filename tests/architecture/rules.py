"""The rules of the house, read from the source alone: floors, circles, who may include what, and sizes.

`violations(root)` gives one line for each place that breaks a rule. Nothing is compiled: includes are lines of text.
"""

import re
import subprocess
from pathlib import Path

# Low to high; an include may point down or stay in its folder. Folders of one rank don't know each other.
RANKS = {
    "zones/wire": 0,
    "zones": 1,
    "policy/record": 2,
    "policy/match": 3,
    "policy/lists": 3,
    "policy/public": 4,
    "resolver/net": 5,
    "resolver/validate": 6,
    "resolver/transfer": 6,
    "resolver/recurse": 7,
    "resolver/serve": 8,
    "resolver/app": 9,
}
TOP_LEVEL = {"CMakeLists.txt", "README.md", "LICENSE", "resolver", "policy", "zones", "tests", "packaging"}
MAX_LINES = 600
SOURCE = {".cpp", ".hpp"}
COUNTED = SOURCE | {".sql", ".py", ".js", ".mjs", ".css", ".cmake", ".bash"}

# Header (or its folder, with a slash) -> where it may be included.
CONFINED = {
    "ldns/": r"zones/wire/ldns_adapter\.(cpp|hpp)",
    "openssl/": r"zones/(wire/(dnssec|nsec3)[a-z0-9_]*\.cpp|zonemd\.cpp|wire/dnssec_openssl\.hpp)|tests/zones/wire/test_p256\.cpp",
    "zones/wire/dnssec_openssl.hpp": r"zones/wire/dnssec_(crypto|p256|signing)\.cpp|tests/zones/wire/test_p256\.cpp",
    "sqlite3.h": r"tests/.*|policy/record/.*",  # a test may forge what the program must notice
    "uv.h": r"(resolver|tests)/.*",
    "microhttpd.h": r"(resolver|tests)/.*",
    "sys/socket.h": r"(resolver|tests)/.*",
    "netdb.h": r"(resolver|tests)/.*",
    "thread": r"(resolver|tests)/.*",
    "catch2/": r"tests/.*",
}
# zones/ and policy/ are handed the time: they read no clock. One exception: how long a question in SQL may keep SQLite
# busy is a length, not a time of day.
CLOCK_EXCEPTIONS = {("policy/record/query.cpp", "steady_clock")}
CLOCK = re.compile(r"\b(system_clock|steady_clock|clock_gettime|gettimeofday|time\s*\(\s*(nullptr|NULL|0)\s*\))")
SQL_CLOCK = re.compile(r"CURRENT_(TIME|DATE|TIMESTAMP)\b|'now'", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def folder_of(path):
    """The key of RANKS that a path such as "resolver/app/main/main.cpp" belongs to, or None."""
    parts = path.split("/")[:-1]
    while parts:
        if "/".join(parts) in RANKS:
            return "/".join(parts)
        parts.pop()
    return None


def files_of(root):
    """What git knows or would add; every file when this is no work tree."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, check=False)
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
        return sorted(name for name in names if name and (root / name).is_file())
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_includes(path, text, known):
    for match in INCLUDE.finditer(text):
        ours, theirs = match.groups()
        place = f"{path}:{line_of(text, match.start())}"
        for header, allowed in CONFINED.items():
            named = theirs or ours
            if (named == header or header.endswith("/") and named.startswith(header)) and not re.fullmatch(allowed, path):
                yield f"{place}: <{named}> is for {allowed} only"
        if theirs is not None:
            if theirs in known:
                yield f'{place}: a header of ours is included with quotes: "{theirs}"'
            continue
        if ours not in known:
            yield f'{place}: "{ours}" is no file of the repository, seen from its root'
            continue
        source, target = folder_of(path), folder_of(ours)
        if target is None and not path.startswith("tests/"):
            yield f'{place}: "{ours}" is on no floor of the house'
        elif source is not None and source != target and RANKS[target] >= RANKS[source]:
            yield f'{place}: an arrow points up: {source} includes "{ours}"'


def check_circles(graph):
    """Depth-first; each circle is told once, from where it was met."""
    done, path = set(), []

    def visit(node):
        if node in path:
            yield "circle of files: " + " -> ".join(path[path.index(node):] + [node])
            return
        if node in done:
            return
        path.append(node)
        for target in graph.get(node, ()):
            yield from visit(target)
        path.pop()
        done.add(node)

    for node in sorted(graph):
        yield from visit(node)


def violations(root):
    root = Path(root)
    names = files_of(root)
    known = set(names)
    found = []
    for top in sorted({name.split("/")[0] for name in names}):
        if not top.startswith(".") and top not in TOP_LEVEL:
            found.append(f"{top}: nothing more at the top level")
    graph = {}
    for path in names:
        suffix = Path(path).suffix
        if suffix not in COUNTED:
            continue
        text = (root / path).read_text(encoding="utf-8")
        if (lines := text.count("\n")) > MAX_LINES:
            found.append(f"{path}: {lines} lines; the limit is {MAX_LINES}")
        for match in UNFINISHED.finditer(text):
            found.append(f"{path}:{line_of(text, match.start())}: unfinished work ({match.group()}) is not left in the tree")
        lower_floor = path.startswith(("zones/", "policy/"))
        if suffix == ".sql" and (match := SQL_CLOCK.search(text)):
            found.append(f"{path}:{line_of(text, match.start())}: SQL reads no clock: now is a parameter")
        if suffix not in SOURCE:
            continue
        if lower_floor:
            # Blanked, not cut, so that lines stay where they are.
            code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
            for match in CLOCK.finditer(code):
                if (path, match.group()) in CLOCK_EXCEPTIONS:
                    continue
                found.append(f"{path}:{line_of(code, match.start())}: zones/ and policy/ read no clock: {match.group()}")
        found.extend(check_includes(path, text, known))
        if not path.startswith("tests/") and path.split("/")[0] in TOP_LEVEL and folder_of(path) is None:
            found.append(f"{path}: in no folder of the house")
        graph[path] = [ours for ours, _ in INCLUDE.findall(text) if ours in known]
    found.extend(check_circles(graph))
    return found
