# SPDX-License-Identifier: MIT
# Writes report_parts.cpp, which holds the page's files as text:
# cmake -D output=FILE -D vega=FILE -P embed.cmake; without the file of Vega there is nothing that could draw.
function(add name file)
  set(content)
  if(file)
    file(READ ${file} content)
  endif()
  file(APPEND ${output} "const std::string_view ${name} = R\"lifelong(${content})lifelong\";\n")
endfunction()

file(WRITE ${output} "// Made by embed.cmake.\n#include \"report_parts.hpp\"\n\nnamespace lab::report_parts {\n")
add(page ${CMAKE_CURRENT_LIST_DIR}/page.html)
add(style ${CMAKE_CURRENT_LIST_DIR}/style.css)
add(figures ${CMAKE_CURRENT_LIST_DIR}/figures.js)
add(draw ${CMAKE_CURRENT_LIST_DIR}/draw.js)
add(vega "${vega}")
file(APPEND ${output} "}  // namespace lab::report_parts\n")
