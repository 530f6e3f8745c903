// SPDX-License-Identifier: MIT
// The tests of tests/backend/conformance_convention_test.cpp on the CUDA backend.
#include <lifelong/cuda.cuh>

#include "../backend/conformance_convention_test.cpp"
