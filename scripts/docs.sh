#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the documentation site, pages and API reference, in out/site: docs.sh. Any warning is an error.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

scripts/setup.sh docs
scripts/doc_links.sh
scripts/doc_snippets.sh --check

rm -rf out/pages out/site
mkdir -p out/pages/katex
cp -r docs/*.md docs/site.css docs/*.js docs/images out/pages/
cp -rL /usr/share/javascript/katex/{katex.min.js,katex.min.css,contrib/auto-render.js,fonts} out/pages/katex/

doxygen docs/Doxyfile
# Every type and free function has a comment; of members, those that a concept asks for need none of their own.
if grep -E -v 'warning: Member .* of (class|struct) .* is not documented|warning: Compound .*::Kernel is not documented' \
  out/doxygen.log >&2; then
  echo "docs.sh: Doxygen has warnings." >&2
  exit 1
fi

mkdocs build --quiet --strict
echo "The documentation is in out/site/index.html"
