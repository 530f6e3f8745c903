#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the C++20 modules again: every name that the headers declare outside of namespaces `detail`.

modules.py [FOLDER], by default modules/. Needs clang++-19, whose syntax tree it reads, and Eigen.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
EIGEN = "/usr/include/eigen3"
CORE = [f"lifelong/{name}.hpp" for name in ("analytic", "conventions", "learners", "lifelong", "rehearsal")]
NAMED = {
    "CXXRecordDecl", "ClassTemplateDecl", "ConceptDecl", "EnumDecl", "FunctionDecl", "FunctionTemplateDecl",
    "TypeAliasDecl", "TypeAliasTemplateDecl", "VarDecl", "VarTemplateDecl",
}


def trees(headers):
    """The declarations named lifelong in these headers."""
    command = ["clang++-19", "-std=c++20", "-fsyntax-only", f"-I{ROOT / 'include'}", "-isystem", EIGEN,
               "-Xclang", "-ast-dump=json", "-Xclang", "-ast-dump-filter=lifelong", "-x", "c++", "-"]
    source = "".join(f"#include <{header}>\n" for header in headers)
    text = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        tree, end = decoder.raw_decode(text, at)
        yield tree
        at = text.find("{", end)


def collect(tree, space, names):
    for child in tree.get("inner", []):
        name = child.get("name", "")
        if child["kind"] == "NamespaceDecl":
            if name and "detail" not in name:
                collect(child, f"{space}::{name}", names)
        elif child["kind"] in NAMED and name.isidentifier() and not name.startswith("operator"):
            names.setdefault(space, set()).add(name)


def names_of(headers):
    names = {}
    for tree in trees(headers):
        if tree["kind"] == "NamespaceDecl" and tree.get("name") == "lifelong":
            collect(tree, "lifelong", names)
    return names


def module(name, what, headers, imports, names):
    lines = ["// SPDX-License-Identifier: MIT", f"// {what} Made by scripts/modules.py.", "module;"]
    lines += [f"#include <{header}>" for header in headers]
    lines += [f"export module {name};", *imports]
    for space in sorted(names):
        lines += ["", f"export namespace {space} {{"]
        lines += [f"using {space}::{entity};" for entity in sorted(names[space])]
        lines += [f"}}  // namespace {space}"]
    return "\n".join(lines) + "\n"


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "modules"
    core = names_of(CORE)
    networks = {space: names - core.get(space, set()) for space, names in names_of([*CORE, "lifelong/nn.hpp"]).items()}
    networks = {space: names for space, names in networks.items() if names}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lifelong.cppm").write_text(
        module("lifelong", "The core as a C++20 module: `import lifelong;`.", CORE, [], core))
    (folder / "lifelong.nn.cppm").write_text(
        module("lifelong.nn", "Networks and the core as a C++20 module: `import lifelong.nn;`.", ["lifelong/nn.hpp"],
               ["export import lifelong;"], networks))


if __name__ == "__main__":
    main()
