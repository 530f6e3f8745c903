// SPDX-License-Identifier: MIT
// The features that a model makes of its inputs, and their directions, by which exemplars are chosen and compared.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>

#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::rehearsal {

/// A model that gives its features, such as what the last layer of an `nn::Network` takes: `predict_features(batch,
/// out)` writes N x `features()` values, row-major, in evaluation. `inputs()` is the number of its inputs.
template <class M>
concept FeatureModel = requires(M& model, const Batch<typename M::value_type>& batch,
                                std::span<typename M::value_type> out) {
  { model.inputs() } -> std::convertible_to<std::size_t>;
  { model.features() } -> std::convertible_to<std::size_t>;
  model.predict_features(batch, out);
};

namespace features_detail {

template <class M>
consteval bool require_feature_model() {
  static_assert(
      requires(M & model) {
        { model.inputs() } -> std::convertible_to<std::size_t>;
        { model.features() } -> std::convertible_to<std::size_t>;
      },
      "FeatureModel: the model needs inputs() and features(), the numbers of its inputs and features");
  static_assert(FeatureModel<M>,
                "FeatureModel: the model needs predict_features(batch, out), which writes features() values for each "
                "sample");
  return true;
}

}  // namespace features_detail

/// The features of a model as the outputs of another: a `PredictiveModel`, to put a head on. It views the model, which
/// must outlive it.
template <class Model>
class FeaturesOf {
  static_assert(features_detail::require_feature_model<Model>());

 public:
  using value_type = typename Model::value_type;

  explicit FeaturesOf(Model& model LIFELONG_LIFETIME_BOUND) : model_(&model) {}

  [[nodiscard]] std::size_t inputs() const { return model_->inputs(); }
  [[nodiscard]] std::size_t outputs() const { return model_->features(); }
  void predict(const Batch<value_type>& batch, std::span<value_type> out) const {
    model_->predict_features(batch, out);
  }

 private:
  Model* model_;
};

namespace features_detail {

/// Scales a vector to length 1; false if it is 0 everywhere. Neither large nor small values overflow.
inline bool normalize(std::span<double> values) {
  double most = 0, squares = 0;
  for (const double value : values) most = std::abs(value) > most ? std::abs(value) : most;
  if (most == 0) return false;
  const int exponent = std::ilogb(most);
  for (double& value : values) {
    value = std::ldexp(value, -exponent);
    squares += value * value;
  }
  const double length = std::sqrt(squares);
  for (double& value : values) value /= length;
  return true;
}

/// The rows of `features`, each scaled to length 1. \throws NumericError, which names the row, for one that is 0, which
/// has no direction, or not finite.
template <class T>
void directions_of(std::span<const T> features, std::size_t width, std::span<double> out) {
  detail::require_finite_rows(features, width, "feature");
  for (std::size_t k = 0; k < features.size(); ++k) out[k] = static_cast<double>(features[k]);
  for (std::size_t n = 0; n * width < features.size(); ++n)
    if (!normalize(out.subspan(n * width, width)))
      detail::raise<NumericError>("all features of sample " + std::to_string(n) +
                                  " of the batch are 0, so they have no direction");
}

}  // namespace features_detail
}  // namespace lifelong::rehearsal

#include <lifelong/config/pop_macros.hpp>
