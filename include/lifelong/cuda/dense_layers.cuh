// SPDX-License-Identifier: MIT
// The passes of a multilayer perceptron on a device: forward, and backward with a moment.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/memory.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/cuda/array.cuh>
#include <lifelong/cuda/mlp_kernels.cuh>
#include <lifelong/cuda/products.cuh>
#include <lifelong/cuda/system.cuh>
#include <lifelong/nn/mlp_options.hpp>

namespace lifelong::cuda::detail {

/// Where the deltas of a backward pass come from and where its moments go.
template <class T, class Moment>
struct Backward {
  const T* theta;
  T* out;
  Moment moment{};
  std::size_t cotangents = 1;  ///< deltas per sample in this pass: row k · N + n is delta k of sample n
  bool first = true;           ///< false if passes with other cotangents of the same samples came before
  bool last = true;            ///< false if such passes follow
  bool add = false;            ///< true if the moments are added to `out`, false if they replace it
};

/// Linear layers with an activation between two: y_l = f(y_{l-1} W_lᵀ + b_l), where θ has W_0 (out x in), b_0, W_1, ...
/// Everything is enqueued on one stream; work arrays grow to the largest batch and are reused. A copy begins without
/// work arrays.
template <class T, class On>
class DenseLayers {
 public:
  DenseLayers(std::vector<std::size_t> widths, nn::Activation activation, bool tf32, typename On::Stream stream)
      : widths_(std::move(widths)), activation_(activation), tf32_(tf32), stream_(stream), layers_(widths_.size() - 1) {
    std::size_t offset = 0;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      layers_[l].weight = offset;
      layers_[l].bias = offset + widths_[l] * widths_[l + 1];
      offset = layers_[l].bias + widths_[l + 1];
    }
  }
  DenseLayers(const DenseLayers& other) : DenseLayers(other.widths_, other.activation_, other.tf32_, other.stream_) {}
  DenseLayers(DenseLayers&&) noexcept = default;
  DenseLayers& operator=(const DenseLayers& other) { return *this = DenseLayers(other); }
  DenseLayers& operator=(DenseLayers&&) noexcept = default;
  ~DenseLayers() = default;

  [[nodiscard]] const std::vector<std::size_t>& widths() const { return widths_; }
  [[nodiscard]] nn::Activation activation() const { return activation_; }
  [[nodiscard]] bool tf32() const { return tf32_; }
  [[nodiscard]] std::size_t outputs() const { return widths_.back(); }

  /// Runs `samples` rows of inputs through the layers; returns where the outputs lie until the next pass.
  const T* forward(const T* theta, const T* inputs, std::size_t samples) {
    samples_ = samples;
    inputs_ = inputs;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      const std::size_t in = widths_[l], out = widths_[l + 1], count = samples * out;
      const Curve curve = curve_of(l);
      grow(layer.outputs, count);
      if (curve.needs_input()) grow(layer.kept, count);
      products().multiply(Factor<T>{input_of(l), samples, in}, Factor<T>{theta + layer.weight, out, in, true},
                          layer.outputs.data(), false);
      On::launch_each(stream_, count,
                      Activate<T>{layer.outputs.data(), curve.needs_input() ? layer.kept.data() : nullptr,
                                  theta + layer.bias, out, curve});
    }
    return layers_.back().outputs.data();
  }

  /// Room for the deltas of the outputs, `cotangents` for each sample of the last forward pass, from which a backward
  /// pass starts.
  [[nodiscard]] T* deltas(std::size_t cotangents) {
    grow(layers_.back().deltas, cotangents * samples_ * outputs());
    return layers_.back().deltas.data();
  }

  /// Adds up Σ_n Σ_k m(d_nk x_nᵀ) for every weight and Σ_n Σ_k m(d_nk) for every bias over the samples of the last
  /// forward pass. S = Σ_k m(D_k) is folded over all passes, and the last one sets W = Sᵀ m(X), b = Σ_n S_n.
  template <class Moment>
  void backward(const Backward<T, Moment>& pass) {
    const bool folds = !std::is_same_v<Moment, moment::Sum> || pass.cotangents > 1 || !pass.first || !pass.last;
    for (std::size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
      const std::size_t in = widths_[l], out = widths_[l + 1];
      descend(pass, l, folds);
      if (l > 0) {
        grow(layers_[l - 1].deltas, pass.cotangents * samples_ * in);
        products().multiply(Factor<T>{layer.deltas.data(), pass.cotangents * samples_, out},
                            Factor<T>{pass.theta + layer.weight, out, in}, layers_[l - 1].deltas.data(), false);
      }
      if (pass.last) multiply(pass, l, (folds ? layer.folded : layer.deltas).data());
    }
  }

  /// Adds up m(d_n x_nᵀ) and m(d_n) for each layer by itself, seen with its activation as a function of its own inputs:
  /// `cotangents(l, y, d)` enqueues the writing of d_n for all samples from the layer's outputs y_n.
  template <class Moment, class Cotangents>
  void backward_each(const Backward<T, Moment>& pass, const Cotangents& cotangents) {
    for (std::size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
      grow(layer.deltas, samples_ * widths_[l + 1]);
      cotangents(l, layer.outputs.data(), layer.deltas.data());
      descend(pass, l, true);
      multiply(pass, l, layer.folded.data());
    }
  }

 private:
  struct Layer {
    std::size_t weight, bias;     // where they begin in θ
    Array<T, On> outputs, kept;   // behind and before the activation, if it needs that
    Array<T, On> deltas, folded;  // D_k, one below the other, and S
  };

  [[nodiscard]] Curve curve_of(std::size_t l) const { return {l + 1 == layers_.size(), activation_}; }
  [[nodiscard]] const T* input_of(std::size_t l) const { return l == 0 ? inputs_ : layers_[l - 1].outputs.data(); }

  /// Takes the deltas of layer l down through its activation, and folds S = Σ_k m(D_k) if asked to.
  template <class Moment>
  void descend(const Backward<T, Moment>& pass, std::size_t l, bool folds) {
    Layer& layer = layers_[l];
    const std::size_t count = samples_ * widths_[l + 1];
    const Curve curve = curve_of(l);
    if (folds) grow(layer.folded, count);
    if (folds || !curve.none)
      On::launch_each(stream_, count,
                      Descend<T, Moment>{layer.deltas.data(), (curve.needs_input() ? layer.kept : layer.outputs).data(),
                                         folds ? layer.folded.data() : nullptr, count, pass.cotangents, curve,
                                         !pass.first, pass.moment});
  }

  /// W (+)= Sᵀ m(X) and b (+)= Σ_n S_n of layer l.
  template <class Moment>
  void multiply(const Backward<T, Moment>& pass, std::size_t l, const T* sums) {
    const std::size_t in = widths_[l], out = widths_[l + 1];
    const T* x = input_of(l);
    if constexpr (!std::is_same_v<Moment, moment::Sum>) {
      grow(moments_, samples_ * in);
      On::launch_each(stream_, samples_ * in, TakeMoment<T, Moment>{x, moments_.data(), pass.moment});
      x = moments_.data();
    }
    products().multiply(Factor<T>{sums, samples_, out, true}, Factor<T>{x, samples_, in}, pass.out + layers_[l].weight,
                        pass.add);
    sum_columns(sums, samples_, out, pass.out + layers_[l].bias, pass.add);
  }

  /// to (+)= the sums of the columns of a matrix: of blocks of its rows first, then of the blocks.
  void sum_columns(const T* matrix, std::size_t rows, std::size_t width, T* to, bool add) {
    using Sums = ColumnSums<T>;
    const std::size_t blocks = Sums::blocks(rows);
    if (blocks > 1) {
      grow(partial_sums_, blocks * width);
      On::launch_each(stream_, blocks * width, Sums{matrix, rows, width, Sums::height, partial_sums_.data(), false});
      matrix = partial_sums_.data();
      rows = blocks;
    }
    On::launch_each(stream_, width, Sums{matrix, rows, width, rows, to, add});
  }

  Products<On>& products() {
    if (!products_) products_ = std::make_unique<Products<On>>(stream_, tf32_);
    return *products_;
  }
  /// \throws OutOfMemory.
  static void grow(Array<T, On>& values, std::size_t size) {
    if (values.size() >= size) return;
    lifelong::detail::with_memory(
        [&] {
          values = {};
          values.resize(size);
        },
        [&] { return "no memory on the device for a work array of " + std::to_string(size) + " values"; });
  }

  std::vector<std::size_t> widths_;
  nn::Activation activation_;
  bool tf32_;
  typename On::Stream stream_;
  std::vector<Layer> layers_;
  Array<T, On> moments_, partial_sums_;
  std::unique_ptr<Products<On>> products_;
  const T* inputs_ = nullptr;  // of the last forward pass
  std::size_t samples_ = 0;
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
