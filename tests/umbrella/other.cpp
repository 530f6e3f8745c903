// SPDX-License-Identifier: MIT
// The umbrella once more, in a program that includes it elsewhere too.
#include <lifelong/analytic.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/rehearsal.hpp>
