// SPDX-License-Identifier: MIT
// What can be measured of a model's outputs: loss, accuracies, calibration, squared error, R².
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/softmax.hpp>

namespace lifelong {

/// A quantity of outputs and answers: `add(outputs, sample, name)` adds one sample, in the order of the examples, whose
/// active outputs are finite and whose weight is above 0; `value(name)` is the result. `name` is what messages call it,
/// by default the metric's own static `name`. `require(model, examples, name)`, if there is one, checks what can be
/// known before examples are read. A metric that needs something of the model has `of(model)` instead, which returns
/// the metric for that model.
template <class M, class T>
concept Metric = std::copyable<M> &&
    requires(M& metric, std::span<const T> outputs, const SampleContext<T>& sample, const std::string& name) {
  metric.add(outputs, sample, name);
  { metric.value(name) } -> std::convertible_to<double>;
};

namespace detail {

template <class T>
std::string example_of(const SampleContext<T>& sample) {
  return "example " + std::to_string(sample.index);
}

/// \throws InvalidArgument for examples without real targets, ShapeMismatch unless there is one for every output.
template <class Model, class Examples>
void require_targets(Model& model, const Examples& examples, const std::string& name) {
  if (examples.targets() == 0) raise<InvalidArgument>(name + ": the examples have class labels, no real targets");
  if (examples.targets() != model.outputs())
    raise<ShapeMismatch>(name + ": the examples have " + std::to_string(examples.targets()) +
                         " targets where the model has " + std::to_string(model.outputs()) + " outputs");
}

/// The label of a sample. \throws InvalidArgument if it has none, or one that is no active output.
template <class T>
std::size_t active_label(const SampleContext<T>& sample, const std::string& name) {
  if (sample.label == -1) raise<InvalidArgument>(name + ": " + example_of(sample) + " has no label");
  if (sample.label < 0 || !sample.active.contains(static_cast<std::size_t>(sample.label)))
    raise<InvalidArgument>(name + ": the label of " + example_of(sample) + " is " + std::to_string(sample.label) +
                           ", not one of the active outputs " + text(sample.active));
  return static_cast<std::size_t>(sample.label);
}

/// Checks that a sample without targets has yes-or-no answers for `outputs` outputs. \throws InvalidArgument.
template <class T>
void require_answers(const SampleContext<T>& sample, std::size_t outputs, const std::string& name) {
  if (sample.target.size() == outputs) return;
  if (outputs > 1)
    active_label(sample, name);
  else if (sample.label != 0 && sample.label != 1)
    raise<InvalidArgument>(name + ": the label of " + example_of(sample) + " is " + std::to_string(sample.label) +
                           ", but the answer of a single output is 0 or 1");
}

/// A mean over samples, with their weights.
struct WeightedMean {
  double total = 0, weight = 0;

  void add(double value, double its_weight) {
    total += its_weight * value;
    weight += its_weight;
  }
  [[nodiscard]] double value() const { return total / weight; }
};

/// The mean of a loss; see `metric::Loss`.
template <class L, class T>
class MeanLoss {
 public:
  explicit MeanLoss(const L& loss) : loss_(loss) {}

  template <class Model, class Examples>
  void require(Model& model, const Examples& examples, const std::string& name) const {
    if (L::uses_labels && examples.targets() != 0)
      raise<InvalidArgument>(name + ": the model's loss needs class labels, but the examples have real targets");
    if (!L::uses_labels && !(takes_labels<L> && examples.targets() == 0)) require_targets(model, examples, name);
  }
  void add(std::span<const T> outputs, const SampleContext<T>& sample, const std::string& name) {
    if constexpr (takes_labels<L>)
      require_answers(sample, outputs.size(), name);
    else if (L::uses_labels)
      active_label(sample, name);
    row_.assign(outputs.begin(), outputs.end());
    mean_.add(static_cast<double>(loss_.differentiate(std::span<T>(row_), sample)), static_cast<double>(sample.weight));
  }
  [[nodiscard]] double value(const std::string&) const { return mean_.value(); }

 private:
  L loss_;
  std::vector<T> row_;
  WeightedMean mean_;
};

}  // namespace detail

/// What `evaluate(model, examples, metric)` takes. Each is a mean over the examples, with their weights; only active
/// outputs count.
namespace metric {

/// The mean of the model's own loss, Σ_n w_n ℓ_n / Σ_n w_n. The model has `loss_function()`, an `nn::LossPolicy`.
struct Loss {
  static constexpr const char* name = "loss";

  template <class Model>
  [[nodiscard]] auto of(Model& model) const {
    static_assert(
        requires(std::span<typename Model::value_type> row, const SampleContext<typename Model::value_type>& sample) {
          model.loss_function().differentiate(row, sample);
        },
        "metric::Loss asks the model for its loss: the model needs loss_function(), with differentiate(row, sample) "
        "const and uses_labels, as an nn::LossPolicy has");
    using L = std::remove_cvref_t<decltype(model.loss_function())>;
    return detail::MeanLoss<L, typename Model::value_type>(model.loss_function());
  }
};

/// The share of examples whose largest active output is that of their label; of equal outputs the first counts.
struct Accuracy {
  static constexpr const char* name = "accuracy";

  /// \throws InvalidArgument where accuracy says nothing.
  template <class Model, class Examples>
  void require(Model& model, const Examples& examples, const std::string& as) const {
    if (examples.targets() != 0)
      detail::raise<InvalidArgument>(as + ": the examples have real targets, and only class labels can be met exactly");
    if (model.outputs() == 1)
      detail::raise<InvalidArgument>(as +
                                     ": the model has 1 output, of which the largest is always the same; for "
                                     "yes-or-no answers take metric::BinaryAccuracy");
  }
  /// \throws InvalidArgument for a label that is missing or no active output, or the only one.
  template <class T>
  void add(std::span<const T> outputs, const SampleContext<T>& sample, const std::string& as) {
    const std::size_t label = detail::active_label(sample, as);
    const OutputRange active = sample.active;
    if (active.count == 1)
      detail::raise<InvalidArgument>(as + ": the active outputs of " + detail::example_of(sample) + " are " +
                                     detail::text(active) + ", and of one output the largest is always the same");
    const bool right = active.first + argmax(outputs.subspan(active.first, active.count)) == label;
    mean_.add(right ? 1 : 0, static_cast<double>(sample.weight));
  }
  [[nodiscard]] double value(const std::string&) const { return mean_.value(); }

 private:
  detail::WeightedMean mean_;
};

/// The expected calibration error, Σ_b n_b/N |accuracy_b - confidence_b|: how far the probability that a model gives
/// its answer is from how often that answer is right. The answer is the largest active output, its probability that of
/// the softmax over the active outputs, and samples are put into `bins` bins of equal width by that probability. Guo et
/// al., "On calibration of modern neural networks", ICML 2017, eq. 3, with 15 bins. It is an error wherever `Accuracy`
/// is one, and without bins.
struct CalibrationError {
  static constexpr const char* name = "calibration error";
  std::size_t bins = 15;

  /// Right answers less confidences, bin by bin.
  class Gaps {
   public:
    explicit Gaps(std::size_t bins) : gaps_(bins) {}

    /// \throws InvalidArgument where accuracy says nothing.
    template <class Model, class Examples>
    void require(Model& model, const Examples& examples, const std::string& as) const {
      Accuracy{}.require(model, examples, as);
    }
    /// \throws InvalidArgument for a label that is missing or no active output.
    template <class T>
    void add(std::span<const T> outputs, const SampleContext<T>& sample, const std::string& as) {
      const std::size_t label = detail::active_label(sample, as);
      const std::span<const T> active = outputs.subspan(sample.active.first, sample.active.count);
      const std::size_t answer = argmax(active);
      double total = 0;  // of e^(f_c - f_answer)
      for (const T output : active)
        total += std::exp(static_cast<double>(output) - static_cast<double>(active[answer]));
      const double weight = static_cast<double>(sample.weight), confidence = 1 / total;
      const auto bin = static_cast<std::size_t>(confidence * static_cast<double>(gaps_.size()));
      const bool right = sample.active.first + answer == label;
      gaps_[bin < gaps_.size() ? bin : gaps_.size() - 1] += weight * ((right ? 1 : 0) - confidence);
      weight_ += weight;
    }
    [[nodiscard]] double value(const std::string&) const {
      double sum = 0;
      for (const double gap : gaps_) sum += std::abs(gap);
      return sum / weight_;
    }

   private:
    std::vector<double> gaps_;
    double weight_ = 0;
  };

  /// \throws InvalidArgument without bins.
  template <class Model>
  [[nodiscard]] Gaps of(Model&) const {
    detail::require_at_least("CalibrationError.bins", static_cast<double>(bins), 1);
    return Gaps(bins);
  }
};

/// The share of right yes-or-no answers: an output, which is a logit, says yes above 0, and the answer is yes for a
/// target above 1/2. Of examples without targets the label is the answer of a single output, 0 or 1, and of several the
/// output that is yes. An example with several active outputs counts with the share of them that is right.
struct BinaryAccuracy {
  static constexpr const char* name = "binary accuracy";

  /// \throws ShapeMismatch unless there are labels or a target for every output.
  template <class Model, class Examples>
  void require(Model& model, const Examples& examples, const std::string& as) const {
    if (examples.targets() != 0) detail::require_targets(model, examples, as);
  }
  /// \throws InvalidArgument for a label that is no answer.
  template <class T>
  void add(std::span<const T> outputs, const SampleContext<T>& sample, const std::string& as) {
    detail::require_answers(sample, outputs.size(), as);
    std::size_t right = 0;
    for (std::size_t c = 0; c < outputs.size(); ++c)
      if (sample.active.contains(c)) right += (outputs[c] > 0) == (sample.answer(c, outputs.size()) > T(0.5)) ? 1u : 0u;
    mean_.add(static_cast<double>(right) / sample.active.count, static_cast<double>(sample.weight));
  }
  [[nodiscard]] double value(const std::string&) const { return mean_.value(); }

 private:
  detail::WeightedMean mean_;
};

/// The mean over examples of 1/C Σ_c (f_c - t_c)² over the C active outputs.
struct MeanSquaredError {
  static constexpr const char* name = "mean squared error";

  /// \throws InvalidArgument for examples without targets, ShapeMismatch unless there is one for every output.
  template <class Model, class Examples>
  void require(Model& model, const Examples& examples, const std::string& as) const {
    detail::require_targets(model, examples, as);
  }
  template <class T>
  void add(std::span<const T> outputs, const SampleContext<T>& sample, const std::string&) {
    double total = 0;
    for (std::size_t c = 0; c < outputs.size(); ++c) {
      const double error = static_cast<double>(outputs[c]) - static_cast<double>(sample.target[c]);
      if (sample.active.contains(c)) total += error * error;
    }
    mean_.add(total / sample.active.count, static_cast<double>(sample.weight));
  }
  [[nodiscard]] double value(const std::string&) const { return mean_.value(); }

 private:
  detail::WeightedMean mean_;
};

/// R² = 1 - Σ_n w_n Σ_c (f_nc - t_nc)² / Σ_n w_n Σ_c (t_nc - t̄_c)² over all examples and active outputs, with the mean
/// t̄_c of each output's targets: the coefficient of determination; for several outputs that of their variances
/// together. 1 is perfect, 0 as good as the mean, below 0 worse. Sums are in double, about a running mean (Welford
/// 1962).
struct RSquared {
  static constexpr const char* name = "R squared";

  /// \throws InvalidArgument for examples without targets, ShapeMismatch unless there is one for every output.
  template <class Model, class Examples>
  void require(Model& model, const Examples& examples, const std::string& as) const {
    detail::require_targets(model, examples, as);
  }
  template <class T>
  void add(std::span<const T> outputs, const SampleContext<T>& sample, const std::string&) {
    targets_.resize(outputs.size());
    const double weight = static_cast<double>(sample.weight);
    for (std::size_t c = 0; c < outputs.size(); ++c) {
      if (!sample.active.contains(c)) continue;
      const double target = static_cast<double>(sample.target[c]), error = static_cast<double>(outputs[c]) - target;
      residual_ += weight * error * error;
      targets_[c].add(target, weight);
    }
  }
  /// \throws InvalidArgument if all targets of each output are equal.
  [[nodiscard]] double value(const std::string& as) const {
    double total = 0;
    for (const Spread& target : targets_) total += target.squares;
    if (!(total > 0))
      detail::raise<InvalidArgument>(as + ": all targets are the same, so there is no variance to explain");
    return 1 - residual_ / total;
  }

 private:
  /// Σ w, the mean and Σ w (t - mean)² so far.
  struct Spread {
    double weight = 0, mean = 0, squares = 0;

    void add(double value, double its_weight) {
      weight += its_weight;
      const double before = value - mean;
      mean += its_weight / weight * before;
      squares += its_weight * before * (value - mean);
    }
  };
  double residual_ = 0;
  std::vector<Spread> targets_;  // one for each output
};

}  // namespace metric
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
