# SPDX-License-Identifier: MIT
# Builds a target that must not compile, and asks that the first error the compiler reports say what the user is to read.
#   cmake -D folder=BUILD -D target=NAME -D expected=REGEX -P first_error.cmake
execute_process(COMMAND ${CMAKE_COMMAND} --build ${folder} --target ${target} RESULT_VARIABLE status OUTPUT_VARIABLE output
                ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "${target} compiled")
endif()
string(REGEX MATCH "[^\n]*error: [^\n]*" first_error "${output}")
message(STATUS "${first_error}")
if(NOT first_error MATCHES "error: .*${expected}")
  message(FATAL_ERROR "the first error was to say \"${expected}\"; the compiler's output:\n${output}")
endif()
