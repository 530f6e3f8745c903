// expect: lifelong/cuda needs a CUDA compiler: give this file to nvcc
// SPDX-License-Identifier: MIT
// A file of the CUDA backend, given to a host compiler.
#include <lifelong/cuda.cuh>

int main() { static_cast<void>(lifelong::cuda::Backend{}); }
