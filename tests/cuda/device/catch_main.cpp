// SPDX-License-Identifier: MIT
// Catch2's own code, for scripts/device.sh, whose machine has only its headers.
#define CATCH_CONFIG_MAIN
#include "catch.hpp"
