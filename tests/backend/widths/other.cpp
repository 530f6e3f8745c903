// SPDX-License-Identifier: MIT
// The part of the program that is compiled for another processor.
#define PART other
#include "part.hpp"
