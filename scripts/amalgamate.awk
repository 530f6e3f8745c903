# SPDX-License-Identifier: MIT
# Writes headers of lifelong, and all that they include of it, as one: awk -v root=include -f amalgamate.awk ENTRY...
# An entry is a path below root; `MACRO:PATH` is an entry that is there only where the macro is defined, so nothing but
# other such entries may follow it. What other libraries give is included where it first is.

function fail(message) {
  print "amalgamate: " message >"/dev/stderr"
  exit failed = 1
}

# Prints a header behind those it includes, once, and behind a guard of its own: single headers may be included together.
function emit(path,    file, line, guard, depth, lines, behind_comment, count, included) {
  if (path in emitted || path ~ /config\/(push|pop)_macros\.hpp$/) return
  emitted[path] = 1
  file = root "/" path
  count = 0
  while ((included = (getline line <file)) > 0) lines[path, ++count] = line
  if (included < 0) fail("cannot read " file)
  close(file)
  for (line = 1; line <= count; ++line)
    if (lines[path, line] ~ /^ *# *include <lifelong\//) emit(target(lines[path, line]))

  guard = "LIFELONG_SINGLE_" toupper(path)
  gsub(/[^A-Z0-9_]/, "_", guard)
  printf "\n// --- %s\n#if !defined(%s)\n#define %s\n", path, guard, guard
  depth = 0
  for (line = 1; line <= count; ++line) {
    text = lines[path, line]
    if (text ~ /^\/\/ SPDX/ || text ~ /^#pragma once/ || text ~ /^ *# *include <lifelong\//) continue
    if (text ~ /^ *# *if/) ++depth
    if (text ~ /^ *# *endif/) --depth
    if (text ~ /^ *# *include/ && depth == 0) {
      if (text in included_already) continue
      included_already[text] = 1
    }
    if (text == "" && previous == "") continue
    print previous = text
  }
  if (depth != 0) fail(file " has an #if without #endif")
  print "#endif"
}

function target(text) {
  sub(/^[^<]*</, "", text)
  sub(/>.*$/, "", text)
  return text
}

function macros(name,    line) {
  while ((getline line <(root "/lifelong/config/" name "_macros.hpp")) > 0)
    if (line !~ /^\/\/ SPDX/) print line
}

BEGIN {
  macros("push")
  for (i = 1; i < ARGC; ++i) {
    if (split(ARGV[i], parts, ":") == 1) {
      emit(ARGV[i])
    } else {
      printf "\n#if defined(%s)\n", parts[1]
      emit(parts[2])
      print "#endif"
    }
  }
  print ""
  macros("pop")
  exit failed
}
