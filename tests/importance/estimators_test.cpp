// SPDX-License-Identifier: MIT
// Importances other than the Fisher information against slow versions written from their papers.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "slow_importance.hpp"

namespace estimators_test {

namespace ll = lifelong;
using namespace ll::importance;
using test::Linearised;
using Sample = ll::SampleContext<double>;
using Vector = std::vector<double>;

namespace {

/// ∂/∂f of the norm of the active outputs.
Vector norm_gradient(const Vector& f, ll::OutputRange active, MasNorm norm) {
  Vector delta(f.size());
  double square = 0;
  for (std::size_t c = active.first; c < active.first + active.count; ++c) square += f[c] * f[c];
  for (std::size_t c = active.first; c < active.first + active.count; ++c) {
    if (norm == MasNorm::squared) delta[c] = 2 * f[c];
    if (norm == MasNorm::plain) delta[c] = f[c] / std::sqrt(square);
    if (norm == MasNorm::mean) delta[c] = 2 * f[c] / active.count;
  }
  return delta;
}

/// Σ_b weight(N_b) · moment(mean over batch b of Jᵀ delta(f, sample)).
template <class Model, class Delta, class Moment, class Weight>
Vector slow_batches(Model& model, const std::vector<ll::Batch<double>>& batches, Delta delta, Moment moment,
                    Weight weight) {
  Vector total(model.parameters().size());
  for (const auto& batch : batches) {
    const Vector mean =
        test::mean_over_samples(model, {batch}, [&](const Linearised& at, const Sample& sample, Vector& sum) {
          const Vector g = at.pull(delta(at.f, sample));
          for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += g[i];
        });
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += weight(batch.size) * moment(mean[i]);
  }
  return total;
}

/// The weight of a batch of N_b samples.
double weight_of(BatchScale scale, std::size_t size, const std::vector<ll::Batch<double>>& batches) {
  double samples = 0;
  for (const auto& batch : batches) samples += static_cast<double>(batch.size);
  const double n = static_cast<double>(size), count = static_cast<double>(batches.size());
  return scale == BatchScale::batches ? 1 / count : scale == BatchScale::samples ? n / samples : n / count;
}

constexpr BatchScale scales[] = {BatchScale::batches, BatchScale::samples, BatchScale::enlarged};
constexpr MasNorm norms[] = {MasNorm::squared, MasNorm::plain, MasNorm::mean};

const auto absolute = [](double x) { return std::abs(x); };
const auto squared = [](double x) { return x * x; };

/// A model whose outputs are exactly 0: f(x) = θ₀ x, θ₀ = 0.
struct Silent {
  using value_type = double;
  double theta = 0;
  std::span<double> parameters() { return {&theta, 1}; }
  std::size_t outputs() const { return 1; }
  double gradient(const ll::Batch<double>&, std::span<double>) { return 0; }
  void predict(const ll::Batch<double>& batch, std::span<double> out) { out[0] = theta * batch.inputs[0]; }
  void pullback(const ll::Batch<double>& batch, std::span<const double> cotangents, std::span<double> out) {
    out[0] = cotangents[0] * batch.inputs[0];
  }
};

/// The hand-written network with the loss it is trained with.
template <class Loss>
struct Trained : test::TinyModel {
  Loss loss_function() const { return {}; }
};

/// A model that has a gradient and nothing else.
struct GradientOnly {
  using value_type = double;
  test::TinyModel model{};
  std::span<double> parameters() { return model.theta; }
  double gradient(const ll::Batch<double>& batch, std::span<double> out) { return model.gradient(batch, out); }
};

}  // namespace

TEST_CASE("MAS differentiates each norm and takes the absolute value per sample", "[mas]") {
  test::for_each_model([](auto& model, const auto& batches) {
    for (const MasNorm norm : norms) {
      INFO(name_of(norm));
      const auto expected =
          test::mean_over_samples(model, batches, [&](const Linearised& at, const Sample& sample, Vector& sum) {
            const Vector g = at.pull(norm_gradient(at.f, sample.active, norm));
            for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += std::abs(g[i]);
          });
      test::check_equal(test::estimate_of(Mas{.norm = norm}, model, batches), expected);
    }
  });
}

TEST_CASE("the plain norm of MAS has gradient 0 where the outputs are 0", "[mas]") {
  Silent model;
  const double input = 3;
  const ll::Batch<double> one{1, 1, {&input, 1}};
  CHECK(test::estimate_of(Mas{.norm = MasNorm::plain}, model, {one}) == Vector{0});
  model.theta = 0.5;
  CHECK(test::estimate_of(Mas{.norm = MasNorm::plain}, model, {one}) == Vector{3});
}

TEST_CASE("batch MAS takes the absolute value of a batch's mean gradient", "[mas]") {
  test::for_each_model([](auto& model, const auto& batches) {
    for (const MasNorm norm : norms)
      for (const BatchScale scale : scales) {
        INFO(name_of(norm) << " " << name_of(scale));
        const auto delta = [&](const Vector& f, const Sample& sample) { return norm_gradient(f, sample.active, norm); };
        const auto weight = [&](std::size_t size) { return weight_of(scale, size, batches); };
        test::check_equal(test::estimate_of(BatchMas{.norm = norm, .scale = scale}, model, batches),
                          slow_batches(model, batches, delta, absolute, weight), 1e-2);
      }
  });
}

TEST_CASE("the batch Fisher squares a batch's mean gradient, for every choice of labels", "[fisher]") {
  test::for_each_model([](auto& model, const auto& batches) {
    for (const BatchScale scale : scales) {
      INFO(name_of(scale));
      const auto weight = [&](std::size_t size) { return weight_of(scale, size, batches); };
      const auto empirical = [](const Vector& f, const Sample& sample) {
        return test::score_of(static_cast<std::size_t>(sample.label), test::softmax_of(f, sample.active));
      };
      const auto predicted = [](const Vector& f, const Sample& sample) {
        const Vector p = test::softmax_of(f, sample.active);
        return test::score_of(static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin()), p);
      };
      const auto sampled = [](const Vector& f, const Sample& sample) {
        const Vector p = test::softmax_of(f, sample.active);
        Vector delta(f.size());
        Categorical{}.draw(std::span<const double>(p), sample, Draw(4, sample.index, 0, f.size()),
                           std::span<double>(delta));
        return delta;
      };
      const auto normal = [](const Vector& f, const Sample& sample) {
        Vector delta(f.size());
        for (std::size_t c = 0; c < f.size(); ++c)
          if (sample.active.contains(c)) delta[c] = (sample.target[c] - f[c]) / 0.5;
        return delta;
      };
      test::check_equal(test::estimate_of(BatchFisher{.scale = scale}, model, batches),
                        slow_batches(model, batches, empirical, squared, weight), 1e-2);
      test::check_equal(test::estimate_of(BatchFisher{.labels = Labels::predicted, .scale = scale}, model, batches),
                        slow_batches(model, batches, predicted, squared, weight), 1e-2);
      const BatchFisher draws{.labels = Labels::sampled, .scale = scale, .seed = 4};
      test::check_equal(test::estimate_of(draws, model, batches),
                        slow_batches(model, batches, sampled, squared, weight), 1e-2);
      const GaussianBatchFisher regression{.scale = scale, .likelihood = {.variance = 0.5}};
      test::check_equal(test::estimate_of(regression, model, batches),
                        slow_batches(model, batches, normal, squared, weight), 1e-2);
    }
  });
}

TEST_CASE("a model with only a gradient has the empirical batch Fisher", "[fisher][errors]") {
  const test::RandomBatch<double> data(13, 4, 3);
  const auto batches = test::cut(data.batch(), 5);
  GradientOnly poor;
  test::TinyModel rich;
  test::check_equal(test::estimate_of(BatchFisher{}, poor, batches), test::estimate_of(BatchFisher{}, rich, batches),
                    1e-2);
  const BatchFisher predicted{.labels = Labels::predicted};
  CHECK_THAT(
      test::message_of<ll::InvalidArgument>([&] { test::estimate_of(predicted, poor, batches); }),
      test::ContainsSubstring("BatchFisher.labels must be Labels::empirical for a model that has only gradient"));
  CHECK_THAT(test::message_of<ll::InvalidArgument>([] { BatchFisher{.labels = Labels::exact}.validate(); }),
             test::ContainsSubstring("BatchFisher.labels must be empirical, predicted or sampled, but is exact"));
}

TEST_CASE("the reversed Fisher is the square of the gradient with reversed logits", "[fisher]") {
  test::for_each_model([](auto& model, const auto& batches) {
    const auto expected =
        test::mean_over_samples(model, batches, [](const Linearised& at, const Sample& sample, Vector& sum) {
          const Vector q = test::softmax_of(at.f, sample.active, -1);
          test::add_squares(sum, at.pull(test::score_of(static_cast<std::size_t>(sample.label), q)));
        });
    test::check_equal(test::estimate_of(ReversedFisher{}, model, batches), expected);
  });
}

TEST_CASE("the reversed Fisher is the finite difference of the cross-entropy of reversed logits", "[fisher]") {
  test::TinyModel model;
  const test::RandomBatch<double> data(1, 4, 3);
  const auto loss = [&] {
    Vector z(3);
    model.predict(data.batch(), z);
    const Vector q = test::softmax_of(z, {0, 3}, -1);
    return -std::log(q[static_cast<std::size_t>(data.labels[0])]);
  };
  const Vector fisher = test::estimate_of(ReversedFisher{}, model, {data.batch()});
  for (std::size_t i = 0; i < fisher.size(); ++i) {
    const double at = model.theta[i];
    model.theta[i] = at + 1e-6;
    const double above = loss();
    model.theta[i] = at - 1e-6;
    const double slope = (above - loss()) / 2e-6;
    model.theta[i] = at;
    CHECK_THAT(fisher[i], test::WithinAbs(slope * slope, 1e-6));
  }
}

TEST_CASE("the reversed Fisher needs labels", "[fisher][errors]") {
  test::TinyModel model;
  const test::RandomBatch<double> data(3, 4, 3);
  ll::Batch<double> batch = data.batch();
  batch.labels = {};
  CHECK(test::message_of<ll::InvalidArgument>([&] { test::estimate_of(ReversedFisher{}, model, {batch}); }) ==
        "ReversedFisher needs labels, but sample 100 has none");
}

namespace {

/// 1/L Σ_l (mean over samples of Jᵀ ξ_l restricted to the active outputs, of length 1 there if `unit`)².
template <class Model>
Vector slow_scp(Model& model, const std::vector<ll::Batch<double>>& batches, const std::vector<Vector>& directions,
                bool unit) {
  Vector total(model.parameters().size());
  for (const Vector& direction : directions) {
    const Vector mean =
        test::mean_over_samples(model, batches, [&](const Linearised& at, const Sample& sample, Vector& sum) {
          Vector xi(direction.size());
          double square = 0;
          for (std::size_t c = 0; c < xi.size(); ++c)
            if (sample.active.contains(c)) square += direction[c] * direction[c];
          for (std::size_t c = 0; c < xi.size(); ++c)
            if (sample.active.contains(c)) xi[c] = direction[c] / (unit ? std::sqrt(square) : 1);
          const Vector g = at.pull(xi);
          for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += g[i];
        });
    test::add_squares(total, mean, 1 / static_cast<double>(directions.size()));
  }
  return total;
}

std::vector<Vector> random_directions(std::size_t count, std::size_t outputs, ll::Random random) {
  std::vector<Vector> rows(count, Vector(outputs));
  for (std::size_t l = 0; l < count; ++l)
    for (std::size_t c = 0; c < outputs; ++c) rows[l][c] = random.normal(l * outputs + c);
  return rows;
}

}  // namespace

TEST_CASE("SCP squares each slice of the mean output by itself", "[scp]") {
  test::for_each_model([](auto& model, const auto& batches) {
    const std::size_t outputs = model.outputs();
    const auto drawn = random_directions(4, outputs, ll::Random(9, ll::Purpose::slices));
    test::check_equal(test::estimate_of(Scp{.slices = 4, .seed = 9}, model, batches),
                      slow_scp(model, batches, drawn, true), 1e-2);
    const auto given = random_directions(2, outputs, ll::Random(3));
    Scp scp;
    for (const Vector& row : given) scp.directions.insert(scp.directions.end(), row.begin(), row.end());
    test::check_equal(test::estimate_of(scp, model, batches), slow_scp(model, batches, given, false), 1e-2);
    test::check_equal(test::estimate_of(scp, model, test::cut(batches[0], 2)),
                      test::estimate_of(scp, model, {batches[0]}), 1e-2);
  });
}

TEST_CASE("the limit of SCP is the mean square of the mean outputs' gradients", "[scp]") {
  test::for_each_model([](auto& model, const auto& batches) {
    Vector expected(model.parameters().size());
    for (std::size_t c = 0; c < model.outputs(); ++c)
      test::add_squares(expected, test::mean_over_samples(
                                      model, batches, [&](const Linearised& at, const Sample& sample, Vector& sum) {
                                        if (!sample.active.contains(c)) return;
                                        for (std::size_t i = 0; i < sum.size(); ++i)
                                          sum[i] += at.rows[c][i] / std::sqrt(double(sample.active.count));
                                      }));
    test::check_equal(test::estimate_of(ScpLimit{}, model, batches), expected, 1e-2);
  });
}

TEST_CASE("SCP approaches its limit as the root of the number of slices", "[scp][statistics]") {
  test::TinyModel model;
  const test::RandomBatch<double> data(9, 4, 3);
  const auto batches = test::cut(data.batch(), 9);
  const Vector limit = test::estimate_of(ScpLimit{}, model, batches);
  const auto error = [&](std::size_t slices) {
    double total = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Vector scp = test::estimate_of(Scp{.slices = slices, .seed = seed}, model, batches);
      for (std::size_t i = 0; i < limit.size(); ++i) total += (scp[i] - limit[i]) * (scp[i] - limit[i]);
    }
    return std::sqrt(total);
  };
  const double slope = std::log(error(512) / error(8)) / std::log(512.0 / 8);
  CHECK(slope > -0.6);
  CHECK(slope < -0.4);
}

TEST_CASE("SCP refuses no slices and directions of another width", "[scp][errors]") {
  CHECK(test::message_of<ll::InvalidArgument>([] { Scp{.slices = 0}.validate(); }) ==
        "Scp.slices must be a finite number of at least 1, but is 0");
  test::TinyModel model;
  const test::RandomBatch<double> data(2, 4, 3);
  const Scp scp{.directions = {1, 2, 3, 4}};
  CHECK(test::message_of<ll::ShapeMismatch>([&] { test::estimate_of(scp, model, {data.batch()}); }) ==
        "Scp.directions has 4 elements where 3 are needed");
}

TEST_CASE("the Gauss-Newton diagonal is that of the second derivative of the loss", "[gauss-newton]") {
  // diag Jᵀ H J by the full H: diag(p) - p pᵀ for the cross-entropy, 2/C I for the mean squared error.
  const auto slow = [](auto& model, const auto& batches, bool softmax) {
    return test::mean_over_samples(model, batches, [&](const Linearised& at, const Sample& sample, Vector& sum) {
      const Vector p = test::softmax_of(at.f, sample.active);
      for (std::size_t a = 0; a < p.size(); ++a)
        for (std::size_t b = 0; b < p.size(); ++b) {
          const double same = a == b && sample.active.contains(a) ? 1 : 0;
          const double h = softmax ? p[a] * (same - p[b]) : same * 2 / sample.active.count;
          for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += at.rows[a][i] * h * at.rows[b][i];
        }
    });
  };
  for (const bool ranges : {false, true}) {
    test::RandomBatch<double> small(13, 4, 3), large(23, 7, 5);
    small.use_ranges(ranges);
    large.use_ranges(ranges);
    const auto few = test::cut(small.batch(), 5), many = test::cut(large.batch(), 8);
    Trained<ll::nn::SoftmaxCrossEntropy> classifier;
    Trained<ll::nn::MeanSquaredError> regression;
    test::check_equal(test::estimate_of(GaussNewton{}, classifier, few), slow(classifier, few, true), 1e-2);
    test::check_equal(test::estimate_of(GaussNewton{}, regression, few), slow(regression, few, false), 1e-2);
    auto network = test::any_mlp<double>({7, 9, 5}, {.seed = 2});
    test::check_equal(test::estimate_of(GaussNewton{}, network, many), slow(network, many, true), 1e-2);
    test::check_equal(test::estimate_of(GaussNewton{}, network, many), test::estimate_of(Fisher{}, network, many));
    auto fit = test::any_mlp<double, ll::nn::MeanSquaredError>({7, 9, 5});
    test::check_equal(test::estimate_of(GaussNewton{}, fit, many), slow(fit, many, false));
    if (!ranges) {
      const GaussianFisher fisher{.likelihood = {.variance = 2.5}};
      test::check_equal(test::estimate_of(GaussNewton{}, fit, many), test::estimate_of(fisher, fit, many));
    }
  }
}

TEST_CASE("MAS can fade", "[mas]") {
  const test::TinyTask first(1), second(2);
  ll::Learner learner{test::TinyModel(), Mas{.merge = Merge::decay(0.9)}, ll::penalty::Quadratic{},
                      ll::optimizer::Sgd{}};
  learner.consolidate(first);
  learner.consolidate(second);
  test::TinyModel model;
  const Vector a = test::estimate_of(Mas{}, model, {first.all()}), b = test::estimate_of(Mas{}, model, {second.all()});
  Vector expected(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) expected[i] = 0.9 * a[i] + b[i];
  test::check_equal({learner.importance().begin(), learner.importance().end()}, expected);
}

TEST_CASE("a normalised importance is the estimate cut off and brought to scale", "[normalized]") {
  test::for_each_model([](auto& model, const auto& batches) {
    const Vector fisher = test::estimate_of(Fisher{}, model, batches);
    const double most = *std::max_element(fisher.begin(), fisher.end()), ceiling = most / 3;
    const double least = *std::min_element(fisher.begin(), fisher.end());
    const auto expected = [&](auto scale) {
      Vector out;
      for (const double f : fisher) out.push_back(scale(f));
      return out;
    };
    const auto found = [&](const auto& importance) { return test::estimate_of(importance, model, batches); };
    test::check_equal(found(Normalized<Fisher>{}), expected([&](double f) { return f / most; }));
    test::check_equal(found(Normalized<Fisher>{.by = Normalize::min_max}),
                      expected([&](double f) { return (f - least) / (most - least); }), 1e-2);
    test::check_equal(found(Normalized<Fisher>{.by = Normalize::none, .ceiling = ceiling}),
                      expected([&](double f) { return std::min(f, ceiling); }));
    test::check_equal(found(Normalized<Fisher>{.ceiling = ceiling}),
                      expected([&](double f) { return std::min(f, ceiling) / ceiling; }));
  });
  CHECK(test::message_of<ll::InvalidArgument>([] { Normalized<Mas>{.ceiling = 0}.validate(); }) ==
        "Normalized.ceiling must be a finite number above 0, but is 0");
  CHECK(test::message_of<ll::InvalidArgument>([] { Normalized<Mas>{.merge = Merge::mean()}.validate(); }) ==
        "Normalized.importance.merge is sum where the whole has mean: they must be the same");
}

}  // namespace estimators_test
