// SPDX-License-Identifier: MIT
#include <lifelong/cuda.cuh>

#include "../../golden/fisher.cpp"
