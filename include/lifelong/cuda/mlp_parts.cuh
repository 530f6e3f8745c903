// SPDX-License-Identifier: MIT
// What a multilayer perceptron on a device is made of: its parameters by name, its layers and its loss.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/cuda/array.cuh>
#include <lifelong/cuda/backend.cuh>
#include <lifelong/cuda/dense_layers.cuh>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/mlp_options.hpp>

namespace lifelong::cuda {

/// Settings of a `cuda::mlp`: those of `nn::mlp`, and what only a device has.
struct MlpOptions {
  std::uint64_t seed = 0;                            ///< of the initial parameters
  nn::Activation activation = nn::Activation::relu;  ///< between the linear layers; there is none behind the last
  /// Lets cuBLAS round the factors of products in float to 11 significant bits, for tensor cores. A product of
  /// Σ_k |a_k b_k| is off by up to 2⁻¹⁰ of that then; nothing else changes.
  bool tf32 = false;
};

/// The part of a `Mlp` that stays between two passes.
template <class T, class Loss, class On>
class MlpParts {
  static_assert(nn::detail::require_loss<Loss>());

 public:
  /// Of the widths of its inputs, hidden layers and outputs. \throws InvalidArgument for fewer than two, or one of 0;
  /// OutOfMemory.
  explicit MlpParts(const std::vector<std::size_t>& widths, const MlpOptions& options = {},
                    BasicBackend<On> backend = {}, Loss loss = {})
      : layout_(layout_of(widths)),
        backend_(std::move(backend)),
        loss_(std::move(loss)),
        seed_(options.seed),
        layers_(widths, options.activation, options.tf32, backend_.stream()) {
    lifelong::detail::require_outputs(outputs());
    lifelong::detail::with_memory(
        [&] {
          parameters_.resize(layout_.size());
          set_parameters(initial_parameters());
        },
        [&] { return "a network of " + std::to_string(layout_.size()) + " parameters does not fit into memory"; });
  }

  /// θ, on the device: for each layer `weight` {out, in} and `bias` {out}; the blocks of `layout()`.
  [[nodiscard]] std::span<T> parameters() { return {parameters_.data(), parameters_.size()}; }
  [[nodiscard]] std::span<const T> parameters() const { return {parameters_.data(), parameters_.size()}; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] std::size_t inputs() const { return layers_.widths().front(); }
  [[nodiscard]] std::size_t outputs() const { return layers_.outputs(); }
  [[nodiscard]] const Loss& loss_function() const { return loss_; }
  [[nodiscard]] const BasicBackend<On>& backend() const { return backend_; }

  /// Checks that a learner's or an estimate's loops reach θ, and run after what the network has enqueued. \throws
  /// InvalidArgument for another kind of backend, or one on another stream.
  template <class Other>
  void require_backend([[maybe_unused]] const Other& other) const {
    if constexpr (std::is_same_v<Other, BasicBackend<On>>) {
      if (!(other.stream() == backend_.stream()))
        lifelong::detail::raise<InvalidArgument>(
            "the network works on another stream than the backend: give both the same cuda::Backend");
    } else {
      lifelong::detail::raise<InvalidArgument>(
          "the network's parameters lie on a device: give the learner the network's cuda::Backend");
    }
  }

  /// Copies θ to the host, and waits. \throws ShapeMismatch unless `out` is as long.
  void copy_parameters(std::span<T> out) const {
    lifelong::detail::require_size("the array for the parameters", out.size(), parameters_.size());
    backend_.copy_out(parameters_.data(), out);
  }
  /// Copies θ from the host, such as that of an `nn::mlp`, and waits. \throws ShapeMismatch unless it is as long.
  void set_parameters(std::span<const T> values) {
    lifelong::detail::require_size("the array of parameters", values.size(), parameters_.size());
    backend_.copy_in(values, parameters_.data());
  }

  /// Everything that results depend on besides parameters, in a line.
  [[nodiscard]] std::string recipe() const {
    constexpr const char* activations[] = {"relu", "tanh", "sigmoid", "gelu"};
    std::string line = "cuda::Mlp(widths";
    for (const std::size_t width : layers_.widths()) line += " " + std::to_string(width);
    line += std::string(", ") + activations[static_cast<std::size_t>(layers_.activation())] + ", " +
            nn::detail::recipe_of(loss_, "a loss without a recipe") + ", seed " + std::to_string(seed_);
    return line + (layers_.tf32() ? ", tf32)" : ")");
  }

 protected:
  [[nodiscard]] const T* theta() const { return parameters_.data(); }

  Layout layout_;
  BasicBackend<On> backend_;
  Loss loss_;
  std::uint64_t seed_;
  Array<T, On> parameters_;
  detail::DenseLayers<T, On> layers_;

 private:
  /// The layers of an `nn::mlp` with parameters, each as `use(layer, name)` gets it.
  template <class Use>
  static void each_linear(const std::vector<std::size_t>& widths, const Use& use) {
    for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
      nn::Linear linear{widths[l], widths[l + 1]};
      linear.connect({widths[l]});
      use(linear, std::to_string(2 * l));
    }
  }
  static Layout layout_of(const std::vector<std::size_t>& widths) {
    nn::detail::require_widths(widths);
    Layout layout;
    each_linear(widths, [&](const nn::Linear& linear, const std::string& name) { linear.declare(layout, name); });
    layout.mark_head(layout.blocks()[layout.blocks().size() - 2].offset);
    return layout;
  }
  [[nodiscard]] AlignedVector<T> initial_parameters() const {
    AlignedVector<T> values(layout_.size());
    const Random random(seed_, Purpose::initialization);
    std::size_t first = 0;
    each_linear(layers_.widths(), [&](const nn::Linear& linear, const std::string&) {
      const std::size_t count = (linear.in + 1) * linear.out;
      linear.initialize(std::span<T>(values).subspan(first, count), random, first);
      first += count;
    });
    return values;
  }
};

}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
