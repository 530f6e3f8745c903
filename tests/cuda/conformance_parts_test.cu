// SPDX-License-Identifier: MIT
// The tests of tests/conformance/parts_test.cpp on the CUDA backend.
#include <lifelong/cuda.cuh>

#include "../conformance/parts_test.cpp"
