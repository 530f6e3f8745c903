// SPDX-License-Identifier: MIT
// What a backend keeps on a device beside a learner's arrays: the room for the results of passes.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include <lifelong/cuda/pass.cuh>
#include <lifelong/cuda/system.cuh>

namespace lifelong::cuda::detail {

/// Memory that is released with its owner, with unspecified contents at first: on the device, or on the host where the
/// device can reach it.
template <class On, bool shared>
class Memory {
 public:
  explicit Memory(std::size_t bytes)
      : place_(shared ? On::allocate_shared(bytes) : On::allocate(bytes)), bytes_(bytes) {}
  ~Memory() {
    if (shared)
      On::release_shared(place_, bytes_);
    else
      On::release(place_, bytes_);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(place_);
  }

 private:
  void* place_;
  std::size_t bytes_;
};

/// A stream, the backend's own or given to it.
template <class On>
class StreamOwner {
 public:
  StreamOwner() : stream_(On::make_stream()), owned_(true) {}
  explicit StreamOwner(typename On::Stream stream) : stream_(stream) {}
  ~StreamOwner() {
    if (owned_) On::destroy(stream_);
  }
  StreamOwner(const StreamOwner&) = delete;
  StreamOwner& operator=(const StreamOwner&) = delete;

  [[nodiscard]] typename On::Stream get() const { return stream_; }

 private:
  typename On::Stream stream_;
  bool owned_ = false;
};

/// Where a graph that was captured writes a pass before it runs it: on the host first, whose copy the graph takes to
/// the device. It lives as long as the backend, since a graph may be run at any time.
struct Written {
  virtual ~Written() = default;
};
template <class On, class Pass, class Make>
struct WrittenPass final : Written {
  explicit WrittenPass(const Make& made_by) : make(made_by), host(sizeof(Pass)), device(sizeof(Pass)) {}

  /// Called by the stream, once per run of the graph.
  static void write(void* self) {
    auto& each = *static_cast<WrittenPass*>(self);
    ::new (each.host.template as<Pass>()) Pass(each.make());
  }

  Make make;
  Memory<On, true> host;
  Memory<On, false> device;
};

/// The room for results, of one backend alone.
template <class On>
class Workspace {
 public:
  Workspace() : partials_(most_blocks * sizeof(double)), counters_(sizeof(Counters)), value_(sizeof(double)) {
    On::set_to_zero_now(counters_.template as<void>(), sizeof(Counters));
  }

  /// The result of a pass for the host, or for the ledger.
  [[nodiscard]] Result for_host() const { return {partials(), &counters()->ticket, value(), nullptr, false}; }
  [[nodiscard]] Result for_ledger(bool begins_step) const {
    return {partials(), &counters()->ticket, nullptr, ledger(), begins_step};
  }
  /// What the last pass for the host has left, once the stream was waited for.
  [[nodiscard]] double* value() const { return value_.template as<double>(); }
  [[nodiscard]] Ledger* ledger() const { return &counters()->ledger; }

  /// Keeps what a graph writes.
  template <class W>
  W& keep(std::unique_ptr<W> written) {
    W& kept = *written;
    written_.push_back(std::move(written));
    return kept;
  }

 private:
  struct Counters {
    Ledger ledger;
    unsigned ticket;
  };
  [[nodiscard]] double* partials() const { return partials_.template as<double>(); }
  [[nodiscard]] Counters* counters() const { return counters_.template as<Counters>(); }

  Memory<On, false> partials_, counters_;
  Memory<On, true> value_;
  std::vector<std::unique_ptr<Written>> written_;
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
