// SPDX-License-Identifier: MIT
// A device that is not there: the system under `cuda::BasicBackend` with an address space of its own, and streams whose
// work is done as late as it can be. A host that touches the device's memory traps; memory that nobody wrote to is NaN;
// a result that nobody waited for is not there yet.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>

#if !defined(__CUDACC__)

#include <lifelong/cuda/backend.cuh>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <list>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "guarded.hpp"

namespace test {

/// Work that is enqueued, in its order; while it is captured, that of a graph.
struct SimulatedStream {
  std::vector<std::function<void()>> work;
  bool capturing = false;
};

/// The system; see `cuda::Device` for its members. One thread at a time may use it.
struct Simulated {
  using Stream = SimulatedStream*;

  static Stream make_stream() { return &streams().emplace_back(); }
  static void destroy(Stream stream) {
    synchronize(stream);
    streams().remove_if([&](const SimulatedStream& each) { return &each == stream; });
  }
  static void synchronize(Stream stream) {
    if (stream->capturing) throw lifelong::cuda::Error("a stream that is captured cannot be waited for");
    const OnDevice window;
    for (const auto& piece : std::exchange(stream->work, {})) piece();
  }
  static bool is_capturing(Stream stream) { return stream->capturing; }

  /// What was enqueued since `begin_capture`, to be enqueued again and again.
  static void begin_capture(Stream stream) {
    synchronize(stream);
    stream->capturing = true;
  }
  static std::vector<std::function<void()>> end_capture(Stream stream) {
    stream->capturing = false;
    return std::exchange(stream->work, {});
  }

  static void* allocate(std::size_t bytes) {
    void* const memory = GuardedMemory::get().allocate(whole_lines(bytes));
    const OnDevice window;
    std::memset(memory, 0xff, bytes);
    return memory;
  }
  static void release(void* memory, std::size_t bytes) {
    wait_for_everything();
    GuardedMemory::get().free(static_cast<std::byte*>(memory), whole_lines(bytes));
  }
  static void* allocate_shared(std::size_t bytes) { return ::operator new(bytes); }
  static void release_shared(void* memory, std::size_t) {
    wait_for_everything();
    ::operator delete(memory);
  }

  template <class What>
  static void copy(Stream stream, void* to, const void* from, std::size_t bytes, const What&) {
    stream->work.push_back([=] { std::memcpy(to, from, bytes); });
  }
  static void set_to_zero(Stream stream, void* place, std::size_t bytes) {
    stream->work.push_back([=] { std::memset(place, 0, bytes); });
  }
  static void copy_now(void* to, const void* from, std::size_t bytes) {
    wait_for_everything();
    const OnDevice window;
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  static void set_to_zero_now(void* place, std::size_t bytes) {
    wait_for_everything();
    const OnDevice window;
    if (bytes > 0) std::memset(place, 0, bytes);
  }

  template <class Pass>
  static void launch(Stream stream, const Pass& pass, const lifelong::cuda::detail::Result& result) {
    Guarded::require_no_host_pointer(pass.kernel);
    stream->work.push_back([=] { lifelong::cuda::Processor::launch(0, pass, result); });
  }
  template <class Pass>
  static void launch(Stream stream, const Pass& pass) {
    Guarded::require_no_host_pointer(pass.kernel);
    stream->work.push_back([=] { lifelong::cuda::Processor::launch(0, pass); });
  }
  template <class Pass>
  static void launch_written(Stream stream, const Pass* written, std::size_t,
                             const lifelong::cuda::detail::Result& result) {
    stream->work.push_back([=] {
      Guarded::require_no_host_pointer(written->kernel);
      lifelong::cuda::Processor::launch(0, *written, result);
    });
  }
  template <class Body>
  static void launch_each(Stream stream, std::size_t count, const Body& body) {
    Guarded::require_no_host_pointer(body);
    stream->work.push_back([=] { lifelong::cuda::Processor::launch_each(0, count, body); });
  }
  static void call(Stream stream, void (*function)(void*), void* argument) {
    stream->work.push_back([=] { function(argument); });
  }

 private:
  static std::list<SimulatedStream>& streams() {
    static std::list<SimulatedStream> all;
    return all;
  }
  /// The stream that was made last goes first: nothing orders streams but those who wait.
  static void wait_for_everything() {
    for (auto each = streams().rbegin(); each != streams().rend(); ++each)
      if (!each->capturing) synchronize(&*each);
  }
  static std::size_t whole_lines(std::size_t bytes) { return (bytes + 255) / 256 * 256; }
};

}  // namespace test

#endif
