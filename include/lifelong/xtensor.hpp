// SPDX-License-Identifier: MIT
// Everything that needs xtensor.
#pragma once

#include <lifelong/adapter/xtensor/adapt.hpp>
