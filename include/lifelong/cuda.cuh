// SPDX-License-Identifier: MIT
// The CUDA backend. Include it in files that nvcc compiles; no other header of the library does.
#pragma once

#include <lifelong/cuda/backend.cuh>
