// SPDX-License-Identifier: MIT
// The system that a backend works on where there is no device: the processor, by Thrust. The launches of tests.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA) && !defined(__CUDACC__)

#include <lifelong/config/push_macros.hpp>

#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>

#include <cstddef>
#include <cstring>
#include <new>

#include <lifelong/backend/elementwise.hpp>
#include <lifelong/cuda/error.cuh>
#include <lifelong/cuda/pass.cuh>

namespace lifelong::cuda {
namespace detail {

/// One block of a pass, its threads one after the other.
template <class Pass>
struct Block {
  Pass pass;
  double* partials;

  void operator()(std::size_t block) const {
    [[maybe_unused]] const lifelong::detail::ModeOf<typename Pass::kernel_type> mode;
    double total = Pass::fold_type::identity;
    for (unsigned thread = 0; thread < threads_per_block; ++thread)
      total = typename Pass::fold_type{}(total, pass.share(block, thread));
    if (partials != nullptr) partials[block] = total;
  }
};

}  // namespace detail

/// The processor as a device: Thrust's system, CPP or OMP, runs the blocks of a pass. Everything is done when a call
/// returns, so a stream is only a number. The members are those of `Device`.
struct Processor {
  using Stream = int;

  static Stream make_stream() { return 1; }
  static void destroy(Stream) noexcept {}
  static void synchronize(Stream) {}
  static bool is_capturing(Stream) { return false; }

  static void* allocate(std::size_t bytes) { return ::operator new(bytes, alignment); }
  static void release(void* memory, std::size_t) noexcept { ::operator delete(memory, alignment); }
  static void* allocate_shared(std::size_t bytes) { return allocate(bytes); }
  static void release_shared(void* memory, std::size_t bytes) noexcept { release(memory, bytes); }

  template <class What>
  static void copy(Stream, void* to, const void* from, std::size_t bytes, const What&) {
    copy_now(to, from, bytes);
  }
  static void set_to_zero(Stream, void* place, std::size_t bytes) { set_to_zero_now(place, bytes); }
  static void copy_now(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  static void set_to_zero_now(void* place, std::size_t bytes) {
    if (bytes > 0) std::memset(place, 0, bytes);
  }

  template <class Pass>
  static void launch(Stream, const Pass& pass, const detail::Result& result) {
    run_blocks(pass, result.partials);
    double total = Pass::fold_type::identity;
    for (std::size_t block = 0; block < pass.blocks(); ++block)
      total = typename Pass::fold_type{}(total, result.partials[block]);
    result.finish(total);
  }
  template <class Pass>
  static void launch(Stream, const Pass& pass) {
    run_blocks(pass, nullptr);
  }
  template <class Pass>
  static void launch_written(Stream stream, const Pass* written, std::size_t, const detail::Result& result) {
    launch(stream, *written, result);
  }
  template <class Body>
  static void launch_each(Stream, std::size_t count, const Body& body) {
    thrust::for_each_n(thrust::device, thrust::counting_iterator<std::size_t>(0), count, body);
  }
  static void call(Stream, void (*function)(void*), void* argument) { function(argument); }

 private:
  static constexpr std::align_val_t alignment{256};  // that of cudaMalloc

  template <class Pass>
  static void run_blocks(const Pass& pass, double* partials) {
    thrust::for_each_n(thrust::device, thrust::counting_iterator<std::size_t>(0), pass.blocks(),
                       detail::Block<Pass>{pass, partials});
  }
};

}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
