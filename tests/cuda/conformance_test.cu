// SPDX-License-Identifier: MIT
// The tests of tests/conformance/learner_test.cpp on the CUDA backend.
#include <lifelong/cuda.cuh>

#include "../conformance/learner_test.cpp"
