// SPDX-License-Identifier: MIT
// The system that a backend works on: a CUDA device. Memory, streams, launches.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(__CUDACC__)

#include <lifelong/config/push_macros.hpp>

#include <cub/block/block_reduce.cuh>

#include <cstddef>
#include <string>

#include <lifelong/cuda/error.cuh>
#include <lifelong/cuda/pass.cuh>

namespace lifelong::cuda {
namespace detail {

/// The body of every pass that has a result: each block folds the shares of its threads, and the block that is done
/// last folds those of the blocks, in the order of their numbers. So one launch is enough, and the order is fixed.
template <class Pass>
__device__ void run(const Pass& pass, const Result& result) {
  using Fold = typename Pass::fold_type;
  using BlockFold = cub::BlockReduce<double, threads_per_block, cub::BLOCK_REDUCE_WARP_REDUCTIONS>;
  __shared__ typename BlockFold::TempStorage room;
  __shared__ bool is_last;
  const double of_block = BlockFold(room).Reduce(pass.share(blockIdx.x, threadIdx.x), Fold{});
  if (threadIdx.x == 0) {
    result.partials[blockIdx.x] = of_block;
    __threadfence();
    is_last = atomicAdd(result.ticket, 1U) + 1 == gridDim.x;
  }
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  double total = Fold::identity;
  for (unsigned block = threadIdx.x; block < gridDim.x; block += threads_per_block)
    total = Fold{}(total, __ldcg(result.partials + block));
  total = BlockFold(room).Reduce(total, Fold{});
  if (threadIdx.x > 0) return;
  *result.ticket = 0;
  result.finish(total);
}

template <class Pass>
__global__ void __launch_bounds__(threads_per_block) fold_pass(const __grid_constant__ Pass pass, Result result) {
  run(pass, result);
}
/// The same for a pass that is written anew before every launch, as in a graph.
template <class Pass>
__global__ void __launch_bounds__(threads_per_block) fold_written_pass(const Pass* pass, Result result) {
  run(*pass, result);
}
/// A pass without a result.
template <class Pass>
__global__ void __launch_bounds__(threads_per_block) plain_pass(const __grid_constant__ Pass pass) {
  static_cast<void>(pass.share(blockIdx.x, threadIdx.x));
}

/// Lets the calling thread allocate while it captures a graph.
class WhileCapturing {
 public:
  WhileCapturing() { check(cudaThreadExchangeStreamCaptureMode(&mode_), "cudaThreadExchangeStreamCaptureMode"); }
  ~WhileCapturing() { static_cast<void>(cudaThreadExchangeStreamCaptureMode(&mode_)); }
  WhileCapturing(const WhileCapturing&) = delete;
  WhileCapturing& operator=(const WhileCapturing&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace detail

/// A CUDA device, the one that is current for the calling thread. Everything is static: memory of the device and of the
/// host that it can write to, streams, and launches on them. Every status is checked.
struct Device {
  using Stream = cudaStream_t;

  /// A stream that does not wait for the default stream.
  static Stream make_stream() {
    Stream stream{};
    detail::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    return stream;
  }
  static void destroy(Stream stream) noexcept { static_cast<void>(cudaStreamDestroy(stream)); }
  static void synchronize(Stream stream) { detail::check(cudaStreamSynchronize(stream), "cudaStreamSynchronize"); }
  /// True while what is enqueued on the stream goes into a graph instead of running.
  static bool is_capturing(Stream stream) {
    cudaStreamCaptureStatus status{};
    detail::check(cudaStreamIsCapturing(stream, &status), "cudaStreamIsCapturing");
    return status == cudaStreamCaptureStatusActive;
  }

  /// \throws InvalidArgument unless the memory at `place` is that of the current device; it begins with `what`.
  static void require_reachable(const void* place, const char* what) {
    cudaPointerAttributes where{};
    int current = 0;
    detail::check(cudaPointerGetAttributes(&where, place), "cudaPointerGetAttributes");
    detail::check(cudaGetDevice(&current), "cudaGetDevice");
    if (where.type != cudaMemoryTypeDevice && where.type != cudaMemoryTypeManaged)
      lifelong::detail::raise<InvalidArgument>(
          std::string(what) +
          " lie in the host's memory, where cuda::Backend does not work: put them on the device before the learner is "
          "made (of a LibTorch module: net->to(torch::kCUDA)), or take a backend of the host");
    if (where.device != current)
      lifelong::detail::raise<InvalidArgument>(std::string(what) + " lie on device " + std::to_string(where.device) +
                                               ", but device " + std::to_string(current) +
                                               " is current: call cudaSetDevice first");
  }

  /// Memory with unspecified contents. \throws std::bad_alloc
  static void* allocate(std::size_t bytes) {
    const detail::WhileCapturing allowed;
    void* memory = nullptr;
    detail::check(cudaMalloc(&memory, bytes), "cudaMalloc", [&] { return std::to_string(bytes) + " bytes"; });
    return memory;
  }
  static void release(void* memory, std::size_t) noexcept { static_cast<void>(cudaFree(memory)); }
  /// Host memory that the device can read and write.
  static void* allocate_shared(std::size_t bytes) {
    const detail::WhileCapturing allowed;
    void* memory = nullptr;
    detail::check(cudaMallocHost(&memory, bytes), "cudaMallocHost", [&] { return std::to_string(bytes) + " bytes"; });
    return memory;
  }
  static void release_shared(void* memory, std::size_t) noexcept { static_cast<void>(cudaFreeHost(memory)); }

  /// Enqueues a copy between any two places. From or to a host's array it may wait for the device.
  template <class What>
  static void copy(Stream stream, void* to, const void* from, std::size_t bytes, const What& what) {
    if (bytes > 0) detail::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream), "cudaMemcpyAsync", what);
  }
  static void set_to_zero(Stream stream, void* place, std::size_t bytes) {
    if (bytes > 0)
      detail::check(cudaMemsetAsync(place, 0, bytes, stream), "cudaMemsetAsync",
                    [&] { return std::to_string(bytes) + " bytes"; });
  }

  /// For arrays, which know no stream: waits for everything on the device, does the work, and waits for that.
  static void copy_now(void* to, const void* from, std::size_t bytes) {
    wait_for_everything();
    copy(cudaStreamPerThread, to, from, bytes, [&] { return std::to_string(bytes) + " bytes of an array"; });
    synchronize(cudaStreamPerThread);
  }
  static void set_to_zero_now(void* place, std::size_t bytes) {
    wait_for_everything();
    set_to_zero(cudaStreamPerThread, place, bytes);
    synchronize(cudaStreamPerThread);
  }

  /// Enqueues a pass with a result, or without.
  template <class Pass>
  static void launch(Stream stream, const Pass& pass, const detail::Result& result) {
    detail::fold_pass<<<grid<Pass>(pass.count), detail::threads_per_block, 0, stream>>>(pass, result);
    check_launch<Pass>(pass.count);
  }
  template <class Pass>
  static void launch(Stream stream, const Pass& pass) {
    detail::plain_pass<<<grid<Pass>(pass.count), detail::threads_per_block, 0, stream>>>(pass);
    check_launch<Pass>(pass.count);
  }
  /// The same for the pass over `count` parameters that `written` on the device holds by then.
  template <class Pass>
  static void launch_written(Stream stream, const Pass* written, std::size_t count, const detail::Result& result) {
    detail::fold_written_pass<<<grid<Pass>(count), detail::threads_per_block, 0, stream>>>(written, result);
    check_launch<Pass>(count);
  }
  /// Enqueues body(i) for i = 0 .. count-1, one thread each.
  template <class Body>
  static void launch_each(Stream stream, std::size_t count, const Body& body);
  /// Enqueues a call of `function(argument)` on the host, which may not call CUDA.
  static void call(Stream stream, void (*function)(void*), void* argument) {
    detail::check(cudaLaunchHostFunc(stream, function, argument), "cudaLaunchHostFunc");
  }

 private:
  static void wait_for_everything() { detail::check(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); }

  template <class Pass>
  static unsigned grid(std::size_t count) {
    return static_cast<unsigned>(Pass::blocks_for(count));
  }
  template <class Pass>
  static void check_launch(std::size_t count) {
    detail::check(cudaGetLastError(), "the launch of a kernel", [&] {
      return detail::name_of_kernel<typename Pass::kernel_type>() + " on " +
             detail::text_of<typename Pass::value_type>(count);
    });
  }
};

namespace detail {

template <class Body>
__global__ void __launch_bounds__(threads_per_block) run_each(std::size_t count, const __grid_constant__ Body body) {
  const std::size_t i = std::size_t{blockIdx.x} * threads_per_block + threadIdx.x;
  if (i < count) body(i);
}

}  // namespace detail

template <class Body>
void Device::launch_each(Stream stream, std::size_t count, const Body& body) {
  if (count == 0) return;
  const std::size_t blocks = (count + detail::threads_per_block - 1) / detail::threads_per_block;
  detail::run_each<<<static_cast<unsigned>(blocks), detail::threads_per_block, 0, stream>>>(count, body);
  detail::check(cudaGetLastError(), "the launch of a kernel",
                [&] { return detail::name_of_kernel<Body>() + " on " + std::to_string(count) + " threads"; });
}

}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
