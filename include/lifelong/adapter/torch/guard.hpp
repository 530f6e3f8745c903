// SPDX-License-Identifier: MIT
// What surrounds a pass through a LibTorch module: its mode, what the pass may change, and errors of LibTorch's own.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
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
    const bool memory = cause.find("t allocate memory") != std::string::npos;
    cause.resize(std::string_view(cause).substr(0, cause.find('\n')).size());
    if (memory) raise<OutOfMemory>(what() + ": " + cause);
    raise<InvalidArgument>(what() + " is refused by LibTorch: " + cause);
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

/// What a training pass changes besides gradients: every buffer of the modules, and the state of LibTorch's random
/// numbers, from which dropout is drawn.
struct TrainingState {
  std::vector<Tensor> buffers;
  Tensor random;

  explicit TrainingState(const Modules& modules) {
    for (const auto& module : modules)
      for (const Tensor& buffer : module->buffers(false))
        if (buffer.defined()) buffers.push_back(buffer.detach().clone());
    auto generator = at::detail::getDefaultCPUGenerator();
    const std::lock_guard lock(generator.mutex());
    random = generator.get_state();
  }

  void restore(const Modules& modules) const {
    const ::torch::NoGradGuard no_grad;
    std::size_t k = 0;
    for (const auto& module : modules)
      for (Tensor& buffer : module->buffers(false))
        if (buffer.defined() && k < buffers.size()) buffer.copy_(buffers[k++]);
    auto generator = at::detail::getDefaultCPUGenerator();
    const std::lock_guard lock(generator.mutex());
    generator.set_state(random);
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
