// SPDX-License-Identifier: MIT
// The umbrella once more, in a program that includes it elsewhere too.
#include <lifelong/lifelong.hpp>
