// SPDX-License-Identifier: MIT
// A learner's arrays on a device, and its loops as kernels there.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <lifelong/backend/backend.hpp>
#include <lifelong/cuda/array.cuh>
#include <lifelong/cuda/error.cuh>
#include <lifelong/cuda/pass.cuh>
#include <lifelong/cuda/system.cuh>
#include <lifelong/cuda/workspace.cuh>

namespace lifelong::cuda {

/// Runs a learner's kernels on a device, on one stream: `Learner{model, importance, penalty, optimizer,
/// cuda::Backend{}}`. `On` is the system, `Device` or for tests `Processor`. It models `DeviceBackend`.
///
/// Everything is enqueued on the stream; only what returns a value to the host, or copies to or from it, waits. Kernels
/// are one launch each, also with their sum. No floating-point atomics: results, sums included, are bitwise the same in
/// every run, and elementwise results have the bits of a processor (compiled without contraction). A thread
/// adds up its share in T: 16 values, or more where there are more than 67 million (33 of double). The rest is added in
/// double, in an order that depends on the number of values alone. So sums differ from a processor's in the last digits
/// of T. A step allocates nothing.
///
/// A copy works on the same stream and has its own room for results, so copies of a learner may be used by several
/// threads. The device is the one that is current when calls are made; it must always be the same one. \throws `Error`
/// for every status of CUDA's that is not success.
template <class On = System>
class BasicBackend {
 public:
  template <class T>
  using Array = cuda::Array<T, On>;
  using Stream = typename On::Stream;

  /// On a stream of its own, which does not wait for the default stream.
  BasicBackend() : stream_(std::make_shared<detail::StreamOwner<On>>()) {}
  /// On a stream of yours, which outlives the backend and its copies.
  explicit BasicBackend(Stream stream) : stream_(std::make_shared<detail::StreamOwner<On>>(stream)) {}

  BasicBackend(const BasicBackend& other) : stream_(other.stream_) {}
  BasicBackend(BasicBackend&&) noexcept = default;
  BasicBackend& operator=(BasicBackend other) noexcept {
    std::swap(stream_, other.stream_);
    std::swap(workspace_, other.workspace_);
    return *this;
  }
  ~BasicBackend() = default;

  [[nodiscard]] Stream stream() const { return stream_->get(); }
  /// Asked by learners, where there is a device. \throws InvalidArgument, which begins with `what`, unless `place` is
  /// in the memory of the current device.
  template <class T>
  void require_reachable(const T* place, const char* what) const requires requires {
    On::require_reachable(place, what);
  }
  {
    if (place != nullptr) On::require_reachable(place, what);
  }
  /// Waits for everything that was enqueued on the stream. \throws `Error`, which names the last kernel, for what went
  /// wrong in any of it.
  void synchronize() const {
#if defined(__cpp_exceptions)
    try {
      On::synchronize(stream());
    } catch (const Error& error) {
      if (last_ == nullptr) throw;
      lifelong::detail::raise<Error>(std::string(error.what()) + ", in the kernel " + last_() +
                                     " or in what was enqueued before it");
    }
#else
    On::synchronize(stream());
#endif
  }

  /// Loops on the host, such as those that read examples, run on the calling thread.
  [[nodiscard]] std::size_t threads() const { return 1; }
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    for (std::size_t i = 0; i < count; ++i) body(i);
  }

  /// Calls the kernel for i = 0 .. count-1; waits, and returns the sum of what it returned.
  template <class T, class Kernel>
  [[nodiscard]] double sum(std::size_t count, const Kernel& kernel) const {
    return fold<T, detail::Plus>(count, kernel);
  }
  /// The largest of what the kernel returns, where NaN does not count; -Inf for none. Waits.
  template <class T, class Kernel>
  [[nodiscard]] T maximum(std::size_t count, const Kernel& kernel) const {
    return static_cast<T>(fold<T, detail::Largest>(count, kernel));
  }
  /// Enqueues calls of the kernel for i = first .. first+count-1.
  template <class T, class Kernel>
  void each(std::size_t first, std::size_t count, const Kernel& kernel) const {
    if (count == 0) return;
    last_ = &detail::name_of_kernel<Kernel>;
    On::launch(stream(), detail::Pass<T, Kernel>{kernel, first, count});
  }

  /// Enqueues calls of the kernel that `make()` returns, for i = first .. first+count-1, as the first or a further pass
  /// of a step; the sum goes into the ledger of steps. While the stream is being captured, `make` is called before
  /// every run of the graph instead, by a thread of CUDA's.
  template <class T, class Make>
  void enqueue(std::size_t first, std::size_t count, const Make& make, bool begins_step) const {
    const auto pass = [=] {
      auto kernel = make();
      return detail::Pass<T, decltype(kernel)>{kernel, first, count};
    };
    using Pass = decltype(pass());
    const bool capturing = is_capturing();
    if (capturing && !workspace_)
      lifelong::detail::raise<InvalidArgument>("take a step before the one that a graph captures: it makes room");
    const detail::Result result = workspace().for_ledger(begins_step);
    last_ = &detail::name_of_kernel<typename Pass::kernel_type>;
    if (!capturing) {
      On::launch(stream(), pass(), result);
      return;
    }
    using Written = detail::WrittenPass<On, Pass, decltype(pass)>;
    Written& written = workspace().keep(std::make_unique<Written>(pass));
    const auto name = [] { return std::string("the kernel of a captured step"); };
    On::call(stream(), &Written::write, &written);
    On::copy(stream(), written.device.template as<Pass>(), written.host.template as<Pass>(), sizeof(Pass), name);
    On::launch_written(stream(), written.device.template as<Pass>(), count, result);
  }
  /// Waits; returns what is known of the steps that were enqueued since the last call, and begins anew.
  [[nodiscard]] detail::Ledger take_ledger() const {
    detail::Ledger ledger;
    copy_out_bytes(workspace().ledger(), &ledger, sizeof ledger, [] { return std::string("the ledger of steps"); });
    On::set_to_zero(stream(), workspace().ledger(), sizeof ledger);
    return ledger;
  }
  /// True while what is enqueued goes into a graph instead of running.
  [[nodiscard]] bool is_capturing() const { return On::is_capturing(stream()); }

  /// Copies from the host to the device, and waits until the host's array may change. `what` is what errors call it.
  template <class T>
  void copy_in(std::span<const T> host, T* place, const char* what = "values") const {
    if (host.empty()) return;
    On::copy(stream(), place, host.data(), host.size_bytes(),
             [&] { return std::string(what) + ", " + detail::text_of<T>(host.size()) + " to the device"; });
    synchronize();
  }
  /// Copies from the device to the host, and waits.
  template <class T>
  void copy_out(const T* place, std::span<T> host, const char* what = "values") const {
    if (host.empty()) return;
    copy_out_bytes(place, host.data(), host.size_bytes(),
                   [&] { return std::string(what) + ", " + detail::text_of<T>(host.size()) + " from the device"; });
  }

 private:
  template <class T, class Fold, class Kernel>
  [[nodiscard]] double fold(std::size_t count, const Kernel& kernel) const {
    if (count == 0) return Fold::identity;
    last_ = &detail::name_of_kernel<Kernel>;
    On::launch(stream(), detail::Pass<T, Kernel, Fold>{kernel, 0, count}, workspace().for_host());
    synchronize();
    return *workspace().value();
  }
  template <class What>
  void copy_out_bytes(const void* place, void* host, std::size_t bytes, const What& what) const {
    On::copy(stream(), host, place, bytes, what);
    synchronize();
  }
  [[nodiscard]] detail::Workspace<On>& workspace() const {
    if (!workspace_) workspace_ = std::make_unique<detail::Workspace<On>>();
    return *workspace_;
  }

  std::shared_ptr<detail::StreamOwner<On>> stream_;
  mutable std::unique_ptr<detail::Workspace<On>> workspace_;
  mutable std::string (*last_)() = nullptr;  // the name of the kernel that was enqueued last
};

/// The backend of this translation unit.
using Backend = BasicBackend<>;

}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
