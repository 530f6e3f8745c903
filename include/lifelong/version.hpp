// SPDX-License-Identifier: MIT
// The one place that states the version; CMake, the packages and the tests read it from here.
#pragma once

/// Version of the library, semantic versioning.
#define LIFELONG_VERSION_MAJOR 0
#define LIFELONG_VERSION_MINOR 1
#define LIFELONG_VERSION_PATCH 0
#define LIFELONG_VERSION_STRING "0.1.0"
