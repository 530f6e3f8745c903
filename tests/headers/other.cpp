// SPDX-License-Identifier: MIT
#include "all_headers.hpp"

const char* version_in_the_other_translation_unit();
const char* version_in_the_other_translation_unit() { return LIFELONG_VERSION_STRING; }
