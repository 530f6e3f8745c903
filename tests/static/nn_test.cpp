// SPDX-License-Identifier: MIT
// Networks model the concepts of the core; what lacks a part of a layer or of a loss is refused.
#include <lifelong/core/functional.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/importance/log_likelihood.hpp>
#include <lifelong/importance/output_norm.hpp>
#include <lifelong/nn.hpp>

#include <concepts>
#include <tuple>
#include <type_traits>

namespace {

using namespace lifelong;

template <class N>
constexpr bool is_complete_model = DifferentiableModel<N>&& PredictiveModel<N>&& PullbackModel<N>&&
    MomentModel<N, importance::LogLikelihood, moment::Square>&&
        MomentModel<N, importance::SquaredNorm, moment::Absolute>&& std::copyable<N>;

using Run = decltype(nn::mlp<float>({2, 2}));
using Fixed = decltype(nn::sequential<double>(nn::Linear{2, 3}, nn::ReLU{}, nn::Linear{3, 2}));
using Regression = decltype(nn::mlp<double>({2, 2}, {}, backend::Serial{}, nn::MeanSquaredError{}));

static_assert(is_complete_model<Run>);
static_assert(is_complete_model<Fixed>);
static_assert(is_complete_model<Regression>);
static_assert(std::same_as<Run::value_type, float>);
static_assert(std::same_as<Fixed::value_type, double>);
static_assert(std::same_as<Regression, decltype(nn::mlp<double, nn::MeanSquaredError>({2, 2}))>);
static_assert(!DifferentiableModel<const Run>, "a gradient needs the work arrays of a network that may change");

static_assert(nn::Layer<nn::Linear>);
static_assert(nn::Layer<nn::ReLU>);
static_assert(nn::Layer<nn::Tanh>);
static_assert(nn::Layer<nn::Sigmoid>);
static_assert(nn::Layer<nn::GELU>);
static_assert(nn::Layer<nn::Flatten>);
static_assert(nn::Layer<nn::Conv2d>);
static_assert(nn::Layer<nn::MaxPool2d>);
static_assert(nn::Layer<nn::AvgPool2d>);
static_assert(nn::Layer<nn::GlobalAvgPool>);
static_assert(nn::Layer<nn::Gru>);
static_assert(nn::Layer<nn::Lstm>);
static_assert(nn::Layer<nn::LastPosition>);
static_assert(nn::Layer<nn::LayerNorm>);
static_assert(nn::Layer<nn::GroupNorm>);
static_assert(nn::Layer<nn::BatchNorm>);
static_assert(nn::Layer<nn::Dropout>);
static_assert(nn::Layer<nn::Embedding>);
static_assert(nn::Layer<decltype(nn::residual(nn::Linear{2, 2}))>);
static_assert(std::is_empty_v<nn::ReLU>);

struct LayerWithoutPlace : nn::Linear {
 private:
  using nn::Linear::in_place;
};
struct LayerWithoutBackward : nn::Linear {
  void backward() const {}
};
struct LayerWithoutShape : nn::Linear {
  void connect(nn::Shape) {}
};
static_assert(!nn::Layer<LayerWithoutPlace>);
static_assert(!nn::Layer<LayerWithoutBackward>);
static_assert(!nn::Layer<LayerWithoutShape>);
static_assert(!nn::Layer<nn::SoftmaxCrossEntropy>);

static_assert(nn::Shape{3, 4, 5}.size() == 60 && nn::Shape{3, 4, 5}.last() == 5 && nn::Shape{3, 4}.rank() == 2);
static_assert(nn::Shape{}.size() == 0 && nn::Shape{} != nn::Shape{0});
static_assert(nn::Shape{3, 4}.with_last(7) == nn::Shape{3, 7});

static_assert(nn::LossPolicy<nn::SoftmaxCrossEntropy>);
static_assert(nn::LossPolicy<nn::MeanSquaredError>);

struct LossWithoutUse {
  double differentiate(std::span<float>, const SampleContext<float>&) const { return 0; }
};
struct LossWithoutValue {
  static constexpr bool uses_labels = true;
  void differentiate(std::span<float>, const SampleContext<float>&) const {}
};
static_assert(!nn::LossPolicy<LossWithoutUse>);
static_assert(!nn::LossPolicy<LossWithoutValue>);
static_assert(!nn::LossPolicy<nn::Linear>);

}  // namespace
