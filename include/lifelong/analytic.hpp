// SPDX-License-Identifier: MIT
// Exact linear heads on fixed features. The standard library only.
#pragma once

#include <lifelong/analytic/choose_strength.hpp>
#include <lifelong/analytic/random_features.hpp>
#include <lifelong/analytic/random_filters.hpp>
#include <lifelong/analytic/ridge.hpp>
#include <lifelong/analytic/slda.hpp>
#include <lifelong/analytic/trunk.hpp>
