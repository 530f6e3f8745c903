// SPDX-License-Identifier: MIT
#include "all_headers.hpp"

const char* version_in_the_other_translation_unit();

int main() { return version_in_the_other_translation_unit()[0] == LIFELONG_VERSION_STRING[0] ? 0 : 1; }
