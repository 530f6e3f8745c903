// SPDX-License-Identifier: MIT
// Everything that needs zlib.
#pragma once

#include <lifelong/zlib/gunzip.hpp>
