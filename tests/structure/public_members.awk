# SPDX-License-Identifier: MIT
# Counts the public members of every class in formatted C++ sources, and prints `FILE:LINE: CLASS COUNT` for each. Members
# are functions, operators and types that the class itself declares; overloads count once, and neither data members,
# friends nor what a base class declares count at all.

# Forgets the file that was read before.
function begin_file() {
  depth = skip = paren = closed = expression = in_comment = 0
  kind[0] = "namespace"
  statement = ""
}

# The statement without access labels at its beginning, which are obeyed on the way.
function without_labels(text) {
  sub(/^[ \t]+/, "", text)
  while (kind[depth] == "class" && match(text, /^(public|private|protected)[ \t]*:/)) {
    access[depth] = substr(text, 1, 3) # pub, pri or pro
    text = substr(text, RLENGTH + 1)
    sub(/^[ \t]+/, "", text)
  }
  return text
}

# The text without <...>, [[...]] and the (...) behind words that are no name of a member.
function without_arguments(text) {
  gsub(/operator *[-<>=!+*\/&|^%]+/, "operator_symbol", text)
  gsub(/->|<=>|<=|>=|<</, " ", text)
  while (gsub(/<[^<>]*>/, "", text)) {}
  gsub(/\[\[[^]]*\]\]/, "", text)
  while (match(text, /(requires|decltype|noexcept|explicit|alignas|__attribute__) *\(/)) text = without_group(text, RSTART, RLENGTH)
  gsub(/ +/, " ", text)
  return text
}

# The text without the word at `start` and the balanced (...) that follows it.
function without_group(text, start, length_of_word,    i, open, c) {
  open = 1
  for (i = start + length_of_word; i <= length(text) && open; ++i) {
    c = substr(text, i, 1)
    if (c == "(") ++open
    if (c == ")") --open
  }
  return substr(text, 1, start - 1) " " substr(text, i)
}

function count(name) {
  if (kind[depth] == "class" && access[depth] == "pub" && !((id[depth], name) in known)) {
    known[id[depth], name] = 1
    ++members[depth]
  }
}

# Takes one whole declaration, without its body.
function declare(text) {
  text = without_labels(text)
  if (kind[depth] != "class" || text ~ /^static_assert|(^|[> ])friend /) return
  if (match(text, /operator *(\(\)|\[\])/)) return count(substr(text, RSTART, RLENGTH))
  if (match(text, /operator *[-<>=!+*\/&|^%]+/)) return count(substr(text, RSTART, RLENGTH))
  text = without_arguments(text)
  sub(/^template */, "", text)
  if (match(text, /^using +(typename +)?[A-Za-z_0-9:]+/)) {
    text = substr(text, 1, RLENGTH)
    sub(/^.*[ :]/, "", text)
    return count(text)
  }
  if (text ~ /^(enum|class|struct|union) /) {
    sub(/^(enum class|enum struct|enum|class|struct|union) /, "", text)
    sub(/[^A-Za-z_0-9].*/, "", text)
    return count(text)
  }
  if (match(text, /[=(]/) && substr(text, RSTART, 1) == "(") {
    text = substr(text, 1, RSTART - 1)
    sub(/ +$/, "", text)
    if (text ~ /operator /) return count("operator" substr(text, index(text, "operator") + 8))
    sub(/^.*[^~A-Za-z_0-9]/, "", text)
    count(text)
  }
}

# Enters the scope whose head is the statement so far.
function open_brace(    head) {
  head = without_arguments(without_labels(statement))
  if (head ~ /(^|inline )namespace|^extern/) {
    kind[++depth] = "namespace"
  } else if (head !~ /[=(]/ && match(head, /(^|[^A-Za-z_0-9])(class|struct|union) +[A-Za-z_][A-Za-z_0-9]*/) && head !~ /enum/) {
    head = substr(head, RSTART, RLENGTH)
    sub(/^[^A-Za-z]/, "", head)
    declare(head ";")
    kind[++depth] = "class"
    access[depth] = head ~ /^class/ ? "pri" : "pub"
    sub(/^[a-z]+ +/, "", head)
    title[depth] = head
    place[depth] = FILENAME ":" FNR
    id[depth] = ++classes
    members[depth] = 0
  } else { # a body: nothing in it is a member
    expression = statement ~ /(requires|(=|&&|\|\||!|\(|requires) *requires *\([^()]*\)) *$/
    skip = 1
    return
  }
  statement = ""
}

function close_brace() {
  if (kind[depth] == "class") print place[depth] ": " title[depth] " " members[depth]
  --depth
  statement = ""
}

function take(text) {
  if (skip || text == "") return
  if (closed && text ~ /[^ \t]/) {
    closed = 0
    if (text !~ /^[ \t]*[(,>)&|=;]/) {
      declare(statement)
      statement = ""
    }
  }
  statement = statement text
}

FNR == 1 { begin_file() }

{
  line = $0
  gsub(/\\./, "", line)
  gsub(/'[^']'/, "0", line) # '{' and '"'
  gsub(/"[^"]*"/, "0", line)
  if (in_comment && !sub(/^.*\*\//, "", line)) next
  in_comment = 0
  sub(/\/\/.*/, "", line)
  gsub(/\/\*[^*]*\*\//, "", line)
  if (sub(/\/\*.*/, "", line)) in_comment = 1
  if (continued || line ~ /^[ \t]*#/) {
    continued = $0 ~ /\\$/
    next
  }
  while (match(line, /[{}();]/)) {
    sign = substr(line, RSTART, 1)
    text = substr(line, 1, RSTART - 1)
    line = substr(line, RSTART + 1)
    take(text)
    if (skip || (paren && sign != "(" && sign != ")")) { # only braces count there
      if (sign == "{") ++skip
      if (sign == "}" && !--skip && !paren) {
        closed = !expression
        expression = 0
      }
    } else if (sign == "(" || sign == ")") {
      paren += sign == "(" ? 1 : -1
      take(sign)
    } else if (sign == "{") {
      closed = 0
      open_brace()
    } else if (sign == "}") {
      if (closed) declare(statement)
      closed = 0
      close_brace()
    } else {
      closed = 0
      declare(statement)
      statement = ""
    }
  }
  take(line " ")
}
