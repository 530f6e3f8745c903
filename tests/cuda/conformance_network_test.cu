// SPDX-License-Identifier: MIT
// The tests of tests/conformance/network_test.cpp on the CUDA backend.
#include <lifelong/cuda.cuh>

#include "../conformance/network_test.cpp"
