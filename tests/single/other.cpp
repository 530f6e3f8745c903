// SPDX-License-Identifier: MIT
// The single header once more, in a program that includes it elsewhere too.
#include "single.hpp"
