// SPDX-License-Identifier: MIT
#include <lifelong/cuda.cuh>

#include "../../golden/estimators.cpp"
