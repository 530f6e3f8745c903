// SPDX-License-Identifier: MIT
// The Fisher information of every likelihood and choice of labels against its definition, and the statistics of draws.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "slow_importance.hpp"

namespace fisher_test {

namespace ll = lifelong;
using namespace ll::importance;
using test::Linearised;
using Sample = ll::SampleContext<double>;

namespace {

/// Counts: y is Poisson distributed with mean exp(f) in each active output. A likelihood of the user's: no likelihood
/// of the library knows of it.
struct Poisson {
  template <class T>
  void prepare(std::span<T> row, const ll::SampleContext<T>& sample) const {
    for (T& value : row) value = std::exp(value);
    ll::clear_inactive(row, sample.active);
  }
  std::size_t factors(std::size_t outputs) const { return outputs; }
  template <class T>
  void factor(std::size_t k, std::span<const T> mean, const ll::SampleContext<T>&, std::span<T> delta) const {
    for (T& value : delta) value = 0;
    delta[k] = std::sqrt(mean[k]);
  }
  template <class T>
  void score(std::span<const T> mean, const ll::SampleContext<T>& sample, std::span<T> delta) const {
    for (std::size_t c = 0; c < mean.size(); ++c) delta[c] = mean[c] > 0 ? sample.target[c] - mean[c] : T(0);
  }
  template <class T>
  void draw(std::span<const T> mean, const ll::SampleContext<T>&, const Draw& random, std::span<T> delta) const {
    for (std::size_t c = 0; c < mean.size(); ++c) {
      T y = 0, p = std::exp(-mean[c]);
      for (double rest = random.uniform(c) - static_cast<double>(p); rest >= 0 && y < 100;) {
        p *= mean[c] / ++y;
        rest -= static_cast<double>(p);
      }
      delta[c] = y - mean[c];
    }
  }
};

static_assert(Likelihood<Categorical> && Likelihood<Gaussian> && Likelihood<Bernoulli> && Likelihood<Poisson>);
static_assert(ll::OutputFunctional<LogLikelihoodOf<Poisson>> && ll::ImportancePolicy<FisherInformation<Poisson>>);

std::size_t label_of(const Sample& sample) { return static_cast<std::size_t>(sample.label); }

template <class Model, class Batches>
std::vector<double> slow_categorical(Model& model, const Batches& batches, Labels labels) {
  return test::mean_over_samples(model, batches, [&](const Linearised& at, const Sample& sample, auto& sum) {
    const auto p = test::softmax_of(at.f, sample.active);
    const auto likeliest = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
    const std::size_t y = label_of(sample);
    const auto add = [&](std::size_t c, double weight) {
      test::add_squares(sum, at.pull(test::score_of(c, p)), weight);
    };
    if (labels == Labels::empirical) add(y, 1);
    if (labels == Labels::predicted) add(likeliest, 1);
    if (labels == Labels::weighted) add(y, p[y]);
    if (labels == Labels::exact || labels == Labels::unweighted)
      for (std::size_t c = 0; c < p.size(); ++c)
        if (sample.active.contains(c)) add(c, labels == Labels::exact ? p[c] : 1);
  });
}

/// Mean over samples of a likelihood with independent outputs: Σ over active c of `information(f_c)` (∂f_c)².
template <class Model, class Batches, class Information>
std::vector<double> slow_independent(Model& model, const Batches& batches, Information information) {
  return test::mean_over_samples(model, batches, [&](const Linearised& at, const Sample& sample, auto& sum) {
    for (std::size_t c = 0; c < at.f.size(); ++c)
      if (sample.active.contains(c)) test::add_squares(sum, at.rows[c], information(at.f[c]));
  });
}

/// Mean over samples of the square of one score, whose active elements are `score(f_c, c, sample)`.
template <class Model, class Batches, class Score>
std::vector<double> slow_square(Model& model, const Batches& batches, Score score) {
  return test::mean_over_samples(model, batches, [&](const Linearised& at, const Sample& sample, auto& sum) {
    std::vector<double> delta(at.f.size());
    for (std::size_t c = 0; c < delta.size(); ++c)
      if (sample.active.contains(c)) delta[c] = score(at.f[c], c, sample);
    test::add_squares(sum, at.pull(delta));
  });
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("the Fisher information of a classifier equals its definition for every choice of labels", "[fisher]") {
  test::for_each_model([](auto& model, const auto& batches) {
    for (const Labels labels :
         {Labels::exact, Labels::predicted, Labels::empirical, Labels::weighted, Labels::unweighted}) {
      INFO(name_of(labels));
      test::check_equal(test::estimate_of(Fisher{.labels = labels}, model, batches),
                        slow_categorical(model, batches, labels));
    }
  });
}

TEST_CASE("the Fisher information of a regression is the square of the Jacobian over the variance", "[fisher]") {
  test::for_each_model([](auto& model, const auto& batches) {
    const GaussianFisher fisher{.likelihood = {.variance = 0.3}};
    test::check_equal(test::estimate_of(fisher, model, batches),
                      slow_independent(model, batches, [](double) { return 1 / 0.3; }));
    const GaussianFisher empirical{.labels = Labels::empirical, .likelihood = {.variance = 0.3}};
    test::check_equal(test::estimate_of(empirical, model, batches),
                      slow_square(model, batches, [](double f, std::size_t c, const Sample& sample) {
                        return (sample.target[c] - f) / 0.3;
                      }));
  });
}

TEST_CASE("the Fisher information of yes-or-no answers is the expectation over all answers", "[fisher]") {
  test::for_each_model([](auto& model, auto batches) {
    const auto expected =
        test::mean_over_samples(model, batches, [](const Linearised& at, const Sample& sample, auto& sum) {
          for (std::size_t answers = 0; answers < std::size_t{1} << at.f.size(); ++answers) {
            double probability = 1;
            std::vector<double> delta(at.f.size());
            for (std::size_t c = 0; c < delta.size(); ++c) {
              const bool yes = ((answers >> c) & 1) != 0;
              probability *= yes ? sigmoid(at.f[c]) : sigmoid(-at.f[c]);
              if (sample.active.contains(c)) delta[c] = (yes ? 1 : 0) - sigmoid(at.f[c]);
            }
            test::add_squares(sum, at.pull(delta), probability);
          }
        });
    test::check_equal(test::estimate_of(BernoulliFisher{}, model, batches), expected);
    test::check_equal(
        test::estimate_of(BernoulliFisher{.labels = Labels::predicted}, model, batches),
        slow_square(model, batches, [](double f, std::size_t, const Sample&) { return (f > 0 ? 1 : 0) - sigmoid(f); }));
    const BernoulliFisher empirical{.labels = Labels::empirical};
    test::check_equal(test::estimate_of(empirical, model, batches),
                      slow_square(model, batches, [](double f, std::size_t c, const Sample& sample) {
                        return sample.target[c] - sigmoid(f);
                      }));
    for (auto& batch : batches) batch.targets = {};
    test::check_equal(test::estimate_of(empirical, model, batches),
                      slow_square(model, batches, [](double f, std::size_t c, const Sample& sample) {
                        return (label_of(sample) == c ? 1 : 0) - sigmoid(f);
                      }));
  });
}

TEST_CASE("a likelihood of the user has a Fisher information", "[fisher]") {
  test::for_each_model([](auto& model, const auto& batches) {
    const auto variance = [](double f) {  // Σ_y p(y) (y - mean)², term by term
      const double mean = std::exp(f);
      double sum = 0, p = std::exp(-mean);
      for (int y = 0; y < 300; p *= mean / ++y) sum += p * (y - mean) * (y - mean);
      return sum;
    };
    test::check_equal(test::estimate_of(FisherInformation<Poisson>{}, model, batches),
                      slow_independent(model, batches, variance));
    test::check_equal(test::estimate_of(FisherInformation<Poisson>{.labels = Labels::empirical}, model, batches),
                      slow_square(model, batches, [](double f, std::size_t c, const Sample& sample) {
                        return sample.target[c] - std::exp(f);
                      }));
  });
}

namespace {

/// Slope of log(error of the mean of M draws) over log M, M = 4, 8, ..., 1024; error: root of the summed squares over
/// the parameters, averaged over 8 seeds.
template <class L>
double slope_of_error(test::TinyModel& model, const std::vector<ll::Batch<double>>& batches) {
  const auto exact = test::estimate_of(FisherInformation<L>{}, model, batches);
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (std::uint32_t draws = 4; draws <= 1024; draws *= 2) {
    double error = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const FisherInformation<L> sampled{.labels = Labels::sampled, .seed = seed, .draws = draws};
      const auto estimate = test::estimate_of(sampled, model, batches);
      for (std::size_t i = 0; i < exact.size(); ++i) error += (estimate[i] - exact[i]) * (estimate[i] - exact[i]);
    }
    const double log_draws = std::log(draws), log_error = std::log(error) / 2;
    ++n;
    x += log_draws;
    y += log_error;
    xx += log_draws * log_draws;
    xy += log_draws * log_error;
  }
  return (n * xy - x * y) / (n * xx - x * x);
}

}  // namespace

TEST_CASE("the sampled Fisher approaches the exact one as the root of the number of draws", "[fisher][statistics]") {
  const test::RandomBatch<double> data(6, 4, 3);
  const auto batches = test::cut(data.batch(), 6);
  test::TinyModel model;
  for (const double slope : {slope_of_error<Categorical>(model, batches), slope_of_error<Gaussian>(model, batches),
                             slope_of_error<Bernoulli>(model, batches), slope_of_error<Poisson>(model, batches)}) {
    CHECK(slope > -0.6);
    CHECK(slope < -0.4);
  }
}

TEST_CASE("a draw depends on seed, sample number and number of the draw alone", "[fisher]") {
  test::for_each_model([](auto& model, const auto& batches) {
    const auto at = [&](Fisher fisher, const auto& cut) { return test::estimate_of(fisher, model, cut); };
    std::vector<ll::Batch<double>> singles;
    for (const auto& batch : batches)
      for (std::size_t n = 0; n < batch.size; ++n) singles.insert(singles.begin(), batch.sample(n));
    const Fisher three{.labels = Labels::sampled, .seed = 5, .draws = 3};
    test::check_equal(at(three, singles), at(three, batches));
    REQUIRE(at({.labels = Labels::sampled, .seed = 6, .draws = 3}, batches) != at(three, batches));
    REQUIRE(at({.labels = Labels::sampled, .seed = 5}, batches) != at(three, batches));
  });
}

TEST_CASE("every sample, draw and output has a random number of its own", "[fisher]") {
  std::vector<double> numbers;
  for (const std::uint64_t seed : {1u, 2u})
    for (std::uint64_t sample = 0; sample < 4; ++sample)
      for (std::size_t draw = 0; draw < 5; ++draw)
        for (std::size_t output = 0; output < 3; ++output)
          numbers.push_back(Draw(seed, sample, draw, 3).uniform(output));
  std::sort(numbers.begin(), numbers.end());
  REQUIRE(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
}

TEST_CASE("the Fisher information of softmax regression equals its closed form", "[fisher]") {
  // One linear layer: F of W_cj is 1/N Σ_n p_c (1 - p_c) x_j², of b_c the same with x = 1.
  auto network = ll::nn::sequential<double>(ll::nn::Linear{6, 4});
  const test::RandomBatch<double> data(31, 6, 4);
  const auto fisher = test::estimate_of(Fisher{}, network, test::cut(data.batch(), 10));
  std::vector<double> expected(fisher.size());
  for (std::size_t n = 0; n < data.size; ++n) {
    std::vector<double> f(4);
    network.predict(data.batch().sample(n), std::span<double>(f));
    const auto p = test::softmax_of(f, {0, 4});
    for (std::size_t c = 0; c < 4; ++c) {
      const double variance = p[c] * (1 - p[c]) / 31;
      for (std::size_t j = 0; j < 6; ++j)
        expected[c * 6 + j] += variance * data.inputs[n * 6 + j] * data.inputs[n * 6 + j];
      expected[24 + c] += variance;
    }
  }
  test::check_equal(fisher, expected);
}

TEST_CASE("labels that a likelihood cannot give are refused", "[fisher][errors]") {
  using test::message_of;
  const auto refusal = [](const auto& fisher) { return message_of<ll::InvalidArgument>([&] { fisher.validate(); }); };
  CHECK(refusal(GaussianFisher{.labels = Labels::predicted}) ==
        "Labels::predicted needs a likelihood with a mode(...), the score of the most likely one");
  CHECK(refusal(BernoulliFisher{.labels = Labels::weighted}) ==
        "Labels::weighted needs a likelihood with a probability(...) of the observed one");
  CHECK(refusal(FisherInformation<Poisson>{.labels = Labels::unweighted}) ==
        "Labels::unweighted needs a likelihood with outcomes(...) and outcome(...), a list of all");
  CHECK(refusal(Fisher{.draws = 0}) == "Fisher.draws must be a finite number of at least 1, but is 0");
  CHECK(refusal(GaussianFisher{.likelihood = {.variance = 0}}) ==
        "Gaussian.variance must be a finite number above 0, but is 0");

  test::TinyModel model;
  test::RandomBatch<double> data(4, 4, 3);
  ll::Batch<double> batch = data.batch();
  batch.labels = {};
  batch.targets = {};
  const auto missing = [&](const auto& fisher) {
    return message_of<ll::InvalidArgument>([&] { test::estimate_of(fisher, model, {batch}); });
  };
  CHECK(missing(Fisher{.labels = Labels::empirical}) == "Labels::empirical needs labels, but sample 100 has none");
  CHECK(missing(GaussianFisher{.labels = Labels::empirical}) ==
        "Labels::empirical of a Gaussian needs 3 targets per sample, but sample 100 has 0");
  CHECK(missing(BernoulliFisher{.labels = Labels::empirical}) ==
        "Labels::empirical of a Bernoulli needs 3 targets per sample or labels, but sample 100 has 0 and the label -1");
}

}  // namespace fisher_test
