// SPDX-License-Identifier: MIT
// What surrounds a pass through a LibTorch module: its mode, what the pass may change, and errors of LibTorch's own.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <ATen/Context.h>
#include <torch/nn.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>

namespace lifelong::libtorch::detail {

using lifelong::detail::raise;
using ::torch::Tensor;

/// Calls `pass`. What LibTorch throws becomes an error of the library: InvalidArgument, or OutOfMemory, with the first
/// line of the cause; `what()` says what was asked of LibTorch. Other exceptions, of the module's own code, go through.
template <class What, class Pass>
decltype(auto) guarded(const What& what, Pass pass) {
  try {
    return pass();
  } catch (const c10::Error& error) {
    std::string cause = error.what_without_backtrace();
    const bool memory = cause.find("t allocate memory") != std::string::npos ||  // says the CPU's allocator
                        cause.find("out of memory") != std::string::npos;        // and those of devices
    cause.resize(std::string_view(cause).substr(0, cause.find('\n')).size());
    if (memory) raise<OutOfMemory>(what() + ": " + cause);
    raise<InvalidArgument>(what() + " is refused by LibTorch: " + cause);
  }
}

/// Refuses a backend of the host for a module on a device.
[[noreturn]] inline void refuse_host(const ::torch::Device& device) {
  raise<InvalidArgument>("the module is on " + device.str() +
                         ", but the backend works in the host's memory: give the learner a backend of that device, "
                         "such as cuda::Backend, or move the module to the CPU before a model is made of it");
}

template <class Stream>
concept shows_handle = requires(const Stream& stream) {
  { stream.native_handle() } -> std::convertible_to<void*>;
};

/// \throws InvalidArgument unless `ours` is `theirs`, the stream that LibTorch works on now in this thread, as far as
/// this LibTorch can tell (1.13 cannot).
template <class Theirs, class Ours>
void require_same_stream([[maybe_unused]] const Theirs& theirs, [[maybe_unused]] Ours ours) {
  if constexpr (shows_handle<Theirs> && std::is_pointer_v<Ours>) {
    if (theirs.native_handle() != static_cast<void*>(ours))
      raise<InvalidArgument>("the learner's backend works on another stream than LibTorch does on " +
                             theirs.device().str() +
                             ", so that they would not wait for each other: make the backend of the stream that is "
                             "current, as in cuda::Backend(at::cuda::getCurrentCUDAStream().stream())");
  }
}

using Modules = std::vector<std::shared_ptr<::torch::nn::Module>>;

/// Puts a module into evaluation mode, and at the end every part of it back into the mode it was in.
class Evaluating {
 public:
  explicit Evaluating(const Modules& modules) : modules_(modules) {
    for (const auto& module : modules) training_.push_back(module->is_training());
    modules.front()->eval();
  }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;
  ~Evaluating() {
    for (std::size_t i = 0; i < modules_.size(); ++i) modules_[i]->train(training_[i]);  // parents come first
  }

 private:
  const Modules& modules_;
  std::vector<bool> training_;
};

/// LibTorch's own generators of random numbers, from which dropout is drawn: the CPU's, and the device's if it has one.
inline std::vector<at::Generator> generators_for(const ::torch::Device& device) {
  std::vector<at::Generator> generators{at::globalContext().defaultGenerator(::torch::kCPU)};
  if (device.is_cpu()) return generators;
  try {
    generators.push_back(at::globalContext().defaultGenerator(device));
  } catch (const c10::Error&) {
    if (device.is_cuda()) throw;  // other devices may have no random numbers
  }
  return generators;
}

/// What a training pass changes besides gradients: every buffer of the modules, and the states of the generators.
struct TrainingState {
  std::vector<Tensor> buffers, random;

  TrainingState(const Modules& modules, const std::vector<at::Generator>& generators) {
    for (const auto& module : modules)
      for (const Tensor& buffer : module->buffers(false))
        if (buffer.defined()) buffers.push_back(buffer.detach().clone());
    for (at::Generator generator : generators) {
      const std::lock_guard lock(generator.mutex());
      random.push_back(generator.get_state());
    }
  }

  /// Does what it can: a device that has failed takes nothing back, and that is no second error.
  void restore(const Modules& modules, const std::vector<at::Generator>& generators) const noexcept try {
    const ::torch::NoGradGuard no_grad;
    std::size_t k = 0, g = 0;
    for (const auto& module : modules)
      for (Tensor& buffer : module->buffers(false))
        if (buffer.defined() && k < buffers.size()) buffer.copy_(buffers[k++]);
    for (at::Generator generator : generators) {
      const std::lock_guard lock(generator.mutex());
      generator.set_state(random[g++]);
    }
  } catch (const c10::Error&) {
  }
};

/// Calls a function at the end of a scope.
template <class F>
class AtEnd {
 public:
  explicit AtEnd(F f) : f_(std::move(f)) {}
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;
  ~AtEnd() { f_(); }

 private:
  F f_;
};

template <class Impl>
std::shared_ptr<Impl> pointer_to(const std::shared_ptr<Impl>& module) {
  return module;
}
template <class Impl>
std::shared_ptr<Impl> pointer_to(const ::torch::nn::ModuleHolder<Impl>& module) {
  return module.is_empty() ? nullptr : module.ptr();
}

}  // namespace lifelong::libtorch::detail

#include <lifelong/config/pop_macros.hpp>
