// SPDX-License-Identifier: MIT
// One network for all tests of layers, compiled once: any layers, any backend, any functional.
#pragma once

#include <lifelong/core/batch.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/nn.hpp>
#if defined(_OPENMP)
#include <lifelong/backend/openmp.hpp>
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace test {

namespace layers {

using namespace lifelong::nn;

template <class... Layers>
using Main = std::tuple<Layers...>;
template <class... Layers>
using Around = std::tuple<Layers...>;
template <class... Layers>
using Block = Residual<Main<Layers...>>;

using Plain = std::variant<Linear, ReLU, Tanh, Sigmoid, GELU, Flatten, Heads, Embedding, Gru, Lstm, LastPosition,
                           LayerNorm, GroupNorm, BatchNorm, Dropout, Conv2d, MaxPool2d, AvgPool2d, GlobalAvgPool,
                           MultiHeadAttention, PositionEmbedding, MeanPosition>;

template <class Layers, class... Blocks>
struct With;
template <class... Layers, class... Blocks>
struct With<std::variant<Layers...>, Blocks...> {
  using type = std::variant<Layers..., Blocks...>;
};
using WithBlocks = With<Plain, Block<Tanh, Linear>, Block<LayerNorm, Linear>, Block<Tanh, Linear, Dropout>,
                        Residual<Main<Linear, GELU>, Around<Linear>>, Residual<Main<Dropout>, Around<Dropout>>,
                        Residual<Main<Linear, BatchNorm, Tanh>, Around<Linear, BatchNorm>>, TransformerBlock>::type;

}  // namespace layers

/// Every layer of the library; for double also residual and transformer blocks.
template <class T>
using AnyLayer = std::conditional_t<std::is_same_v<T, double>, layers::WithBlocks, layers::Plain>;

/// `backend::Serial` for 0 threads, else `backend::OpenMP`.
struct AnyBackend {
  int openmp_threads = 0;

#if defined(_OPENMP)
  [[nodiscard]] std::size_t threads() const {
    return openmp_threads == 0 ? 1 : lifelong::backend::OpenMP{openmp_threads}.threads();
  }
  template <class Task>
  void parallel_for(std::size_t count, const Task& task) const {
    if (openmp_threads == 0)
      lifelong::backend::Serial{}.parallel_for(count, task);
    else
      lifelong::backend::OpenMP{openmp_threads}.parallel_for(count, task);
  }
#else
  [[nodiscard]] std::size_t threads() const { return 1; }
  template <class Task>
  void parallel_for(std::size_t count, const Task& task) const {
    lifelong::backend::Serial{}.parallel_for(count, task);
  }
#endif
};

/// Refers to a functional of any type.
class AnyFunctional {
 public:
  virtual std::size_t cotangents(std::size_t outputs) const = 0;
  virtual void prepare(std::span<float> row, const lifelong::SampleContext<float>& sample) const = 0;
  virtual void prepare(std::span<double> row, const lifelong::SampleContext<double>& sample) const = 0;
  virtual void cotangent(std::size_t k, std::span<const float> row, const lifelong::SampleContext<float>& sample,
                         std::span<float> delta) const = 0;
  virtual void cotangent(std::size_t k, std::span<const double> row, const lifelong::SampleContext<double>& sample,
                         std::span<double> delta) const = 0;

 protected:
  ~AnyFunctional() = default;
};

template <class Functional>
class ReferenceTo final : public AnyFunctional {
 public:
  explicit ReferenceTo(const Functional& functional) : functional_(functional) {}
  std::size_t cotangents(std::size_t outputs) const override { return functional_.cotangents(outputs); }
  void prepare(std::span<float> row, const lifelong::SampleContext<float>& sample) const override {
    functional_.prepare(row, sample);
  }
  void prepare(std::span<double> row, const lifelong::SampleContext<double>& sample) const override {
    functional_.prepare(row, sample);
  }
  void cotangent(std::size_t k, std::span<const float> row, const lifelong::SampleContext<float>& sample,
                 std::span<float> delta) const override {
    functional_.cotangent(k, row, sample, delta);
  }
  void cotangent(std::size_t k, std::span<const double> row, const lifelong::SampleContext<double>& sample,
                 std::span<double> delta) const override {
    functional_.cotangent(k, row, sample, delta);
  }

 private:
  const Functional& functional_;
};

/// `nn::Network` of these layers. What instantiates layers is defined in any_network.cpp: for float, for double, and
/// for double with `MeanSquaredError`.
template <class T, class Loss = lifelong::nn::SoftmaxCrossEntropy>
class AnyNetwork : public lifelong::nn::Network<T, std::vector<AnyLayer<T>>, Loss, AnyBackend> {
  using Base = lifelong::nn::Network<T, std::vector<AnyLayer<T>>, Loss, AnyBackend>;
  using Batch = lifelong::Batch<T>;

 public:
  explicit AnyNetwork(std::vector<AnyLayer<T>> layers, std::uint64_t seed = 0, AnyBackend backend = {});
  AnyNetwork(lifelong::nn::Shape input, std::vector<AnyLayer<T>> layers, std::uint64_t seed = 0,
             AnyBackend backend = {});

  void grow(std::size_t outputs);
  double gradient(const Batch& batch, std::span<T> out);
  double evaluation_gradient(const Batch& batch, std::span<T> out);
  double loss(const Batch& batch);
  void predict(const Batch& batch, std::span<T> out);
  void pullback(const Batch& batch, std::span<const T> cotangents, std::span<T> out);

  template <lifelong::OutputFunctional Functional, class Moment>
  void accumulate_moment(const Batch& batch, const Functional& functional, Moment, std::span<T> out) {
    accumulate<Moment>(batch, ReferenceTo<Functional>(functional), out);
  }
  template <lifelong::OutputFunctional Functional, class Moment>
  void accumulate_local_moment(const Batch& batch, const Functional& functional, Moment, std::span<T> out) {
    accumulate_local<Moment>(batch, ReferenceTo<Functional>(functional), out);
  }

 private:
  template <class Moment>
  void accumulate(const Batch& batch, const AnyFunctional& functional, std::span<T> out);
  template <class Moment>
  void accumulate_local(const Batch& batch, const AnyFunctional& functional, std::span<T> out);
};

/// `nn::mlp` of the same widths and options.
template <class T, class Loss = lifelong::nn::SoftmaxCrossEntropy>
AnyNetwork<T, Loss> any_mlp(const std::vector<std::size_t>& widths, const lifelong::nn::MlpOptions& options = {},
                            AnyBackend backend = {}) {
  std::vector<AnyLayer<T>> layers;
  for (const auto& layer : lifelong::nn::mlp_layers(widths, options.activation))
    std::visit([&](const auto& known) { layers.emplace_back(known); }, layer);
  return AnyNetwork<T, Loss>(std::move(layers), options.seed, backend);
}

}  // namespace test
