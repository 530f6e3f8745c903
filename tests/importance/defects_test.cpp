// SPDX-License-Identifier: MIT
// Twenty defects of published code, by number: that our defaults do not have them, and that the presets of the
// codebases concerned have those they are to reproduce. Then the invariants that would have found them.
#include <lifelong/conventions.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "any_network.hpp"
#include "catch.hpp"
#include "slow_importance.hpp"
#include "tiny_model.hpp"

namespace defects_test {

namespace {

namespace ll = lifelong;
namespace cv = lifelong::convention;
using namespace lifelong::importance;
using test::TinyModel;
using test::TinyTask;
using Vec = std::vector<double>;

const std::size_t parameters = TinyModel{}.theta.size();

template <class Importance, class Model = TinyModel>
auto learner_of(const Importance& importance, Model model = Model(), const ll::penalty::Quadratic& penalty = {}) {
  return ll::Learner{std::move(model), importance, penalty, ll::optimizer::Sgd{.learning_rate = 0.05}};
}

template <class Learner>
Vec omega_of(const Learner& learner) {
  return {learner.importance().begin(), learner.importance().end()};
}

/// Ω after one task.
template <class Importance, class Model = TinyModel>
Vec omega(const Importance& importance, const TinyTask& task, std::size_t batch_size = 256, Model model = Model()) {
  auto learner = learner_of(importance, std::move(model));
  learner.consolidate(task, {.batch_size = batch_size});
  return omega_of(learner);
}

double sum(const Vec& values) { return std::accumulate(values.begin(), values.end(), 0.0); }
Vec times(double factor, Vec values) {
  for (double& value : values) value *= factor;
  return values;
}
Vec plus(Vec a, const Vec& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

/// Every sample twice.
TinyTask doubled(TinyTask task) {
  const Vec inputs = task.inputs;
  const std::vector<std::int32_t> labels = task.labels;
  task.inputs.insert(task.inputs.end(), inputs.begin(), inputs.end());
  task.labels.insert(task.labels.end(), labels.begin(), labels.end());
  return task;
}

/// Twenty-five steps on small batches.
template <class Learner>
void train(Learner& learner, std::uint64_t seed) {
  for (std::uint64_t step = 0; step < 25; ++step) learner.step(TinyTask(1000 * seed + step, 6).all());
}

/// Calls `f(recipe)` for every preset, with a strength that all of them can be trained with.
template <class F>
void for_each_preset(const F& f) {
  const double strength = 0.01;
  f(cv::avalanche::ewc(strength));
  f(cv::avalanche::ewc_online(strength, 0.9));
  f(cv::avalanche::si(strength));
  f(cv::avalanche::mas(strength));
  f(cv::avalanche::rwalk(strength));
  f(cv::mammoth::ewc_on(strength, 0.9));
  f(cv::mammoth::si(strength, 0.1));
  f(cv::gmvdv::ewc(strength));
  f(cv::gmvdv::ewc_online(strength, 0.9));
  f(cv::gmvdv::ewc_batched(strength, 0.9));
  f(cv::gmvdv::si(strength));
  f(cv::facil::ewc(strength));
  f(cv::facil::mas(strength));
  f(cv::facil::path_integral(strength));
  f(cv::facil::rwalk(strength));
  f(cv::pathint::si(strength));
  f(cv::pathint::ewc(strength));
  f(cv::agem::ewc(strength));
  f(cv::agem::si(strength));
  f(cv::agem::mas(strength));
  f(cv::agem::rwalk(strength));
  f(cv::gem::ewc(strength));
  f(cv::hw14::ewc(strength));
  f(cv::hw14::mas(strength));
  f(cv::hw14::si(strength));
  f(cv::hw14::rwalk(strength));
  f(cv::hw14::scp(strength));
}

/// Calls `f(importance)` for the library's own.
template <class F>
void for_each_default(const F& f) {
  f(Fisher{});
  f(Fisher{.labels = Labels::empirical});
  f(Mas{});
  f(Scp{.slices = 10});
  f(ScpLimit{});
  f(ReversedFisher{});
  f(SynapticIntelligence{});
  f(RWalk{});
  f(IntervalRWalk{});
}

}  // namespace

TEST_CASE(
    "defect 1: the importance does not depend on the batch size (Avalanche, PyCIL, FACIL, CapyMOA, HW14: squares "
    "of batch means)",
    "[defect]") {
  const TinyTask task(8, 64);
  const auto ratio = [&](const auto& importance) {
    return sum(omega(importance, task, 32)) / sum(omega(importance, task, 1));
  };
  for (const Labels labels : {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical})
    test::check_equal(omega(Fisher{.labels = labels}, task, 32), omega(Fisher{.labels = labels}, task, 1));
  test::check_equal(omega(Mas{}, task, 32), omega(Mas{}, task, 1));
  CHECK(ratio(cv::avalanche::ewc(1).importance) < 0.5);
  CHECK(ratio(cv::facil::ewc(1).importance) < 0.5);
  CHECK(ratio(cv::hw14::ewc(1).importance) < 0.5);
}

TEST_CASE(
    "defect 2: the Fisher information is the mean of squares over all samples (GradientEpisodicMemory: the square "
    "of one mean gradient over ten)",
    "[defect]") {
  const TinyTask task(8, 64);
  TinyTask changed = task;
  for (std::size_t i = 10 * TinyTask::width; i < changed.inputs.size(); ++i) changed.inputs[i] *= 2;
  const Fisher ours{.labels = Labels::empirical};
  const auto gem = cv::gem::ewc(1).importance;
  CHECK(omega(gem, task) == omega(gem, changed));
  CHECK(omega(ours, task) != omega(ours, changed));
  CHECK(sum(omega(gem, task)) < 0.5 * sum(omega(ours, task)));
}

TEST_CASE("defect 3: earlier tasks keep their importance (agem: the last windows of batches, MAS reset per task)",
          "[defect]") {
  const TinyTask first(1), second(2);
  const auto after_both = [&](const auto& importance) {
    auto learner = learner_of(importance);
    learner.consolidate(first);
    learner.consolidate(second);
    return omega_of(learner);
  };
  test::check_equal(after_both(Fisher{}), plus(omega(Fisher{}, first), omega(Fisher{}, second)));
  test::check_equal(after_both(Mas{}), plus(omega(Mas{}, first), omega(Mas{}, second)));
  CHECK(after_both(cv::agem::mas(1).importance) == omega(cv::agem::mas(1).importance, second));

  // Two histories of the first task, one second task, by their gradients alone.
  const auto walked = [&](const auto& importance, double of_first) {
    auto learner = learner_of(importance);
    Vec g(parameters);
    for (std::uint64_t step = 0; step < 80; ++step) {
      for (std::size_t i = 0; i < parameters; ++i)
        g[i] = (step < 40 ? of_first : 1) * ll::Random(9, ll::Purpose::user).normal(step * parameters + i);
      learner.step(std::span<const double>(g));
      if (step == 39) learner.consolidate(first);
    }
    learner.consolidate(second);
    return omega_of(learner);
  };
  const auto difference = [&](const auto& importance) {
    const Vec a = walked(importance, 1), b = walked(importance, 3);
    double worst = 0;
    for (std::size_t i = 0; i < parameters; ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
    return worst;
  };
  CHECK(difference(cv::agem::ewc(1).importance) < 0.01);  // of a scale to 1
  CHECK(difference(RWalk{}) > 0.1);
}

TEST_CASE("defect 4: a sample counts by its gradient, the harder the more (Mammoth: weighted by p of the true label)",
          "[defect]") {
  TinyModel model;
  for (std::int32_t label = 0; label < 3; ++label) {
    TinyTask one(4, 1);
    one.labels[0] = label;
    const double p = TinyModel{}.probabilities(one.all())[static_cast<std::size_t>(label)];
    const Vec ours = omega(Fisher{.labels = Labels::empirical}, one);
    test::check_equal(omega(cv::mammoth::ewc_on(1, 1).importance, one), times(p, ours));
    const test::Linearised sample(model, one.all());
    Vec square(parameters);
    test::add_squares(square,
                      sample.pull(test::score_of(static_cast<std::size_t>(label), test::softmax_of(sample.f, {0, 3}))));
    test::check_equal(ours, square);
  }
}

TEST_CASE("defect 5: estimating moves no running statistics (Mammoth: single samples in training mode)", "[defect]") {
  test::AnyNetwork<double> network({ll::nn::Linear{4, 6}, ll::nn::BatchNorm{6}, ll::nn::Tanh{}, ll::nn::Linear{6, 3}},
                                   5);
  const TinyTask task(4);
  Vec g(network.parameters().size());
  network.gradient(task.all(), g);
  const Vec before(network.buffers().begin(), network.buffers().end());
  const auto same_after = [&](const auto& importance) {
    auto learner = learner_of(importance, network);
    for (const std::size_t batch_size : {1u, 8u}) {
      learner.step(Vec(learner.parameters().size(), 1.0));  // for importances that are gathered along the way
      learner.consolidate(task, {.batch_size = batch_size});
    }
    return Vec(learner.model().buffers().begin(), learner.model().buffers().end()) == before;
  };
  for_each_default([&](const auto& importance) { CHECK(same_after(importance)); });
  CHECK(same_after(BatchFisher{}));
  CHECK(same_after(BatchMas{}));
  network.gradient(task.all(), g);
  CHECK(Vec(network.buffers().begin(), network.buffers().end()) != before);  // as training does
}

TEST_CASE("defect 6: classes count by their probability (pathint: all alike)", "[defect]") {
  TinyModel sure;
  sure.theta[sure.theta.size() - 3] += 12;  // the bias of class 0
  const TinyTask task(4);
  const Vec exact = omega(Fisher{}, task, 8, sure), pathint = omega(cv::pathint::ewc(1).importance, task, 8, sure);
  CHECK(sum(pathint) > 1000 * sum(exact));
  Vec expected(parameters);
  for (std::size_t n = 0; n < task.size(); ++n) {
    const test::Linearised sample(sure, task.all().sample(n));
    const Vec p = test::softmax_of(sample.f, {0, 3});
    for (std::size_t c = 0; c < 3; ++c)
      test::add_squares(expected, sample.pull(test::score_of(c, p)), p[c] / static_cast<double>(task.size()));
  }
  test::check_equal(exact, expected);
}

namespace {

/// Counts the passes that training makes.
struct CountingModel {
  using value_type = double;
  TinyModel model{};
  std::size_t gradients = 0, others = 0;
  std::span<double> parameters() { return model.theta; }
  std::size_t outputs() const { return model.out; }
  double gradient(const ll::Batch<double>& batch, std::span<double> out) {
    ++gradients;
    return model.gradient(batch, out);
  }
  void predict(const ll::Batch<double>& batch, std::span<double> out) {
    ++others;
    model.predict(batch, out);
  }
  void pullback(const ll::Batch<double>& batch, std::span<const double> cotangents, std::span<double> out) {
    ++others;
    model.pullback(batch, cotangents, out);
  }
};

/// θ of a network with dropout after training.
template <class Importance>
Vec trained_with_dropout(const Importance& importance, const ll::penalty::Quadratic& penalty) {
  const test::AnyNetwork<double> network(
      {ll::nn::Linear{4, 8}, ll::nn::Tanh{}, ll::nn::Dropout{0.5}, ll::nn::Linear{8, 3}}, 5);
  auto learner = learner_of(importance, network, penalty);
  train(learner, 1);
  learner.consolidate(TinyTask(2));
  train(learner, 2);
  return {learner.parameters().begin(), learner.parameters().end()};
}

}  // namespace

TEST_CASE(
    "defect 7: gathering an importance costs no second pass and leaves training as it is (Avalanche's RWalk: "
    "evaluation mode from then on)",
    "[defect]") {
  const auto passes = [](const auto& importance) {
    auto learner = learner_of(importance, CountingModel{});
    train(learner, 1);
    return learner.model().gradients == 25 && learner.model().others == 0;
  };
  for_each_default([&](const auto& importance) { CHECK(passes(importance)); });
  for_each_preset([&](const auto& recipe) { CHECK(passes(recipe.importance)); });

  const Vec plain = trained_with_dropout(Constant{.value = 0}, {});
  for_each_default([&](const auto& importance) { CHECK(trained_with_dropout(importance, {.strength = 0}) == plain); });
}

TEST_CASE("defect 8: SI follows the task's gradient, is never negative and has no ceiling (Avalanche's SI)",
          "[defect]") {
  const auto after_two = [](const auto& importance) {
    ll::Learner learner{TinyModel{}, importance, ll::penalty::Quadratic{.strength = 0.1},
                        ll::optimizer::Momentum{.learning_rate = 0.1}};
    Vec g(parameters, 1.0);
    for (int step = 0; step < 10; ++step) learner.step(std::span<const double>(g));
    learner.consolidate(TinyTask(1));
    for (std::size_t i = 0; i < parameters; i += 2) g[i] = -1;  // against the momentum: uphill
    learner.step(std::span<const double>(g));
    learner.consolidate(TinyTask(2));
    return omega_of(learner);
  };
  const Vec ours = after_two(SynapticIntelligence{}), avalanche = after_two(cv::avalanche::si(1).importance);
  CHECK(*std::min_element(ours.begin(), ours.end()) == 0);
  CHECK(*std::max_element(ours.begin(), ours.end()) > 0.1);
  CHECK(*std::min_element(avalanche.begin(), avalanche.end()) < 0);
  for (const double value : avalanche) CHECK((value < 0 || value == 0.001));  // all that is left of Ω

  // A second task whose gradient is 0 but for the first parameter: only the penalty pulls the others.
  const auto pulled = [](const auto& importance) {
    auto learner = learner_of(importance);
    learner.set_importance(Vec(parameters, 0.5));
    for (double& theta : learner.parameters()) theta += 1;
    Vec g(parameters, 0.0);
    g[0] = 1;
    for (int step = 0; step < 25; ++step) learner.step(std::span<const double>(g));
    learner.consolidate(TinyTask(1));
    const Vec omega = omega_of(learner);
    return Vec(omega.begin() + 1, omega.end());
  };
  CHECK(pulled(SynapticIntelligence{}) == Vec(parameters - 1, 0.5));  // nothing was added
  CHECK(pulled(SynapticIntelligence{.gradient = PathGradient::total}) != Vec(parameters - 1, 0.5));
}

TEST_CASE(
    "defect 9: MAS takes single samples as the network is used, and adds tasks up (Avalanche's MAS: batch means in "
    "training mode, a moving average)",
    "[defect]") {
  const TinyTask first(1, 64), second(2, 64);
  const auto after_both = [&](const auto& importance) {
    auto learner = learner_of(importance);
    learner.consolidate(first, {.batch_size = 32});
    learner.consolidate(second, {.batch_size = 32});
    return omega_of(learner);
  };
  test::check_equal(after_both(Mas{}), plus(omega(Mas{}, first, 1), omega(Mas{}, second, 1)));
  const auto avalanche = cv::avalanche::mas(1).importance;
  test::check_equal(after_both(avalanche),
                    plus(times(0.5, omega(avalanche, first, 32)), times(0.5, omega(avalanche, second, 32))));
  CHECK(sum(omega(avalanche, first, 32)) < 0.9 * sum(omega(Mas{}, first, 32)));

  const test::AnyNetwork<double> with(
      {ll::nn::Linear{4, 8}, ll::nn::Tanh{}, ll::nn::Dropout{0.5}, ll::nn::Linear{8, 3}}, 5);
  test::AnyNetwork<double> without({ll::nn::Linear{4, 8}, ll::nn::Tanh{}, ll::nn::Linear{8, 3}}, 5);
  std::copy(with.parameters().begin(), with.parameters().end(), without.parameters().begin());
  CHECK(omega(Mas{}, first, 32, with) == omega(Mas{}, first, 32, without));
  CHECK(omega(avalanche, first, 32, with) == omega(avalanche, first, 32, without));  // not reproduced
}

TEST_CASE(
    "defect 10: the first task counts fully, and MAS is of the squared norm (FACIL: averages from 0, the norm "
    "itself)",
    "[defect]") {
  const TinyTask task(3, 64);
  auto facil = cv::facil::mas(1, 0.5).importance;
  test::check_equal(omega(facil, task, 8),
                    times(0.5, omega(BatchMas{.norm = MasNorm::plain, .scale = BatchScale::samples}, task, 8)));
  const auto ewc = cv::facil::ewc(1, 0.5, Labels::empirical).importance;
  test::check_equal(omega(ewc, task, 1), times(0.5, omega(Fisher{.labels = Labels::empirical}, task, 1)));

  // Outputs twice as large: ‖f‖² has four times the slope with respect to a hidden weight, ‖f‖ twice.
  TinyModel large;
  const std::size_t hidden = large.hidden * large.in + large.hidden;
  for (std::size_t i = hidden; i < parameters; ++i) large.theta[i] *= 2;
  CHECK_THAT(omega(Mas{}, task, 8, large)[0] / omega(Mas{}, task, 8)[0], test::WithinRel(4.0, 1e-12));
  CHECK_THAT(omega(facil, task, 8, large)[0] / omega(facil, task, 8)[0], test::WithinRel(2.0, 1e-12));
}

TEST_CASE("defect 11: a mean over N samples is divided by N (GMvdV: by the last index)", "[defect]") {
  const TinyTask task(3, 20);
  test::check_equal(omega(Fisher{}, doubled(task)), omega(Fisher{}, task));
  const auto gmvdv = cv::gmvdv::ewc(1).importance;
  test::check_equal(omega(gmvdv, task), times(20.0 / 19, omega(Fisher{}, task)));
  CHECK_THROWS_AS(omega(gmvdv, TinyTask(3, 1)), ll::InvalidArgument);
  CHECK_NOTHROW(omega(Fisher{}, TinyTask(3, 1)));
}

namespace {

/// An importance of 1 for one parameter, whose number is the first input.
struct Marker {
  Merge merge = Merge::sum();
  void validate() const {}
  template <class Model, class B, class E>
  void estimate(Model&, const B& batch, E& estimation) const {
    estimation.add(batch,
                   [](const B& part, std::span<double> out) { out[static_cast<std::size_t>(part.inputs[0])] = 1; });
  }
  static std::string recipe() { return "Marker()"; }
};

/// How much each of five tasks counts after the fifth, newest first.
template <class Importance>
Vec weights_of_tasks(const Importance& importance) {
  auto learner = learner_of(importance);
  for (std::size_t task = 0; task < 5; ++task) {
    TinyTask marked(1, 1);
    marked.inputs[0] = static_cast<double>(task);
    learner.consolidate(marked);
  }
  const Vec all = omega_of(learner);
  return {all[4], all[3], all[2], all[1], all[0]};
}

}  // namespace

TEST_CASE("defect 12: every task counts once (HW14: 1, 1, 2, 4, 8 times from the newest to the oldest)", "[defect]") {
  CHECK(weights_of_tasks(Marker{}) == Vec{1, 1, 1, 1, 1});
  CHECK(weights_of_tasks(cv::hw14::Guarded<Marker>{}) == Vec{1, 1, 2, 4, 8});
  const TinyTask task(2);
  auto learner = learner_of(cv::hw14::ewc(1).importance);
  for (int k = 0; k < 5; ++k) learner.consolidate(task, {.batch_size = 8});
  test::check_equal(omega_of(learner), times(16, omega(BatchFisher{}, task, 8)));
}

TEST_CASE(
    "defect 13: slices are squared one by one, so more of them are more certain (HW14's SCP: averaged first, so more "
    "are only smaller)",
    "[defect]") {
  const TinyTask task(3);
  const double limit = sum(omega(ScpLimit{}, task));
  const auto spread = [&](const auto& make, double& mean) {
    double total = 0, squares = 0;
    const int seeds = 200;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      const double value = sum(omega(make(seed), task)) / limit;
      total += value / seeds;
      squares += value * value / seeds;
    }
    mean = total;
    return std::sqrt(squares - total * total) / total;
  };
  const auto scp = [](std::size_t slices) {
    return [slices](std::uint64_t seed) { return Scp{.slices = slices, .seed = seed}; };
  };
  const auto hw14 = [](std::size_t slices) {
    return [slices](std::uint64_t seed) { return cv::hw14::AveragedSliceScp{.slices = slices, .seed = seed}; };
  };
  double few = 0, many = 0;
  const double ours_few = spread(scp(1), few), ours_many = spread(scp(25), many);
  CHECK_THAT(few, test::WithinAbs(1, 0.15));
  CHECK_THAT(many, test::WithinAbs(1, 0.03));
  CHECK_THAT(ours_few / ours_many, test::WithinRel(5.0, 0.25));
  const double theirs_few = spread(hw14(10), few), theirs_many = spread(hw14(100), many);
  CHECK_THAT(few, test::WithinRel(0.1, 0.2));
  CHECK_THAT(many, test::WithinRel(0.01, 0.2));
  CHECK_THAT(theirs_few / theirs_many, test::WithinRel(1.0, 0.25));
}

TEST_CASE("defect 14: the penalty is λ/2 as written, and tasks are as many as given (HW14: λ, and 5 for 10)",
          "[defect]") {
  const TinyTask task(2);
  const double lambda = 3;
  const auto penalty = [&](const auto& importance, const ll::penalty::Quadratic& how, double& omega_3) {
    auto learner = learner_of(importance, TinyModel{}, how);
    learner.consolidate(task, {.batch_size = 8});
    learner.parameters()[3] += 0.5;
    omega_3 = learner.importance()[3];
    return learner.penalty_value();
  };
  double omega_3 = 0;
  const double ours = penalty(Fisher{}, {.strength = lambda}, omega_3);
  CHECK_THAT(ours, test::WithinRel(lambda / 2 * omega_3 * 0.25, 1e-12));
  const auto recipe = cv::hw14::ewc(lambda);
  const double theirs = penalty(recipe.importance, recipe.penalty, omega_3);
  CHECK_THAT(theirs, test::WithinRel(lambda * omega_3 * 0.25, 1e-12));

  const ll::Dataset<float> images(std::vector<float>(4), std::vector<std::int32_t>(1), {2, 2});
  CHECK(
      ll::stream::rotated(ll::SplitData<float>{images, images}, {0, 20, 40, 60, 80, 100, 120, 140, 160, 180}).size() ==
      10);
}

namespace {

/// R after three tasks: task 1 gets better later and is best at the end, task 2 is forgotten.
ll::AccuracyMatrix accuracies() {
  ll::AccuracyMatrix matrix(3);
  matrix.add_row({0.80, 0.10, 0.10});
  matrix.add_row({0.70, 0.90, 0.10});
  matrix.add_row({0.95, 0.60, 0.90});
  return matrix;
}

}  // namespace

TEST_CASE("defect 15: forgetting is negative where a task got better (Mammoth: the last row is in the maximum)",
          "[defect]") {
  ll::AccuracyMatrix better(2);
  better.add_row({0.5, 0.1});
  better.add_row({0.75, 0.9});
  CHECK(better.forgetting() == -0.25);
  const auto mammoth = [](const ll::AccuracyMatrix& matrix) {
    double total = 0;
    const std::size_t last = matrix.rows() - 1;
    for (std::size_t j = 0; j < last; ++j) {
      double best = 0;
      for (std::size_t l = 0; l <= last; ++l) best = std::max(best, l < j ? 0.0 : matrix(l, j));
      total += best - matrix(last, j);
    }
    return total / static_cast<double>(last);
  };
  CHECK(mammoth(better) == 0);
  CHECK_THAT(accuracies().forgetting().value(), test::WithinAbs((0.80 - 0.95 + 0.90 - 0.60) / 2, 1e-15));
  CHECK_THAT(mammoth(accuracies()), test::WithinAbs((0.95 - 0.95 + 0.90 - 0.60) / 2, 1e-15));
  CHECK(accuracies()(0, 2) == 0.10);  // and the rows are as they were given
}

TEST_CASE("defect 16: forgetting counts all tasks but the last (Continuum 1.2.7: stops one task early)", "[defect]") {
  ll::AccuracyMatrix matrix(3);
  matrix.add_row({0.5, 0.1, 0.1});
  matrix.add_row({0.5, 0.75, 0.1});
  matrix.add_row({0.5, 0.25, 0.9});
  CHECK(matrix.forgetting() == 0.25);  // all of it by the last task but one, which Continuum leaves out
}

TEST_CASE(
    "defect 17: forgetting is from a task's best, not from its first, accuracy (Avalanche: minus the backward "
    "transfer)",
    "[defect]") {
  ll::AccuracyMatrix matrix(3);
  matrix.add_row({0.50, 0.1, 0.1});
  matrix.add_row({0.75, 0.5, 0.1});
  matrix.add_row({0.50, 0.5, 0.9});
  CHECK(matrix.forgetting() == 0.125);
  CHECK(matrix.backward_transfer() == 0.0);
}

TEST_CASE(
    "defect 18: streams are functions of their arguments (GEM: angles from a generator that the seed does not reach)",
    "[defect]") {
  std::vector<float> pixels(16);
  std::iota(pixels.begin(), pixels.end(), 0.0F);
  const ll::Dataset<float> images(std::move(pixels), std::vector<std::int32_t>(1), {4, 4});
  const ll::SplitData<float> data{images, images};
  const auto inputs = [](const auto& stream, std::size_t task) {
    std::vector<float> row(16);
    std::int32_t label = -1;
    ll::OutputRange active;
    float weight = 1;
    std::uint32_t length = 0;
    stream[task].train.read(0, ll::ExampleRow<float>{row, label, {}, active, weight, length});
    return row;
  };
  const auto rotated = [&](std::uint64_t seed) {
    std::vector<double> angles;
    for (std::uint64_t task = 0; task < 4; ++task)
      angles.push_back(180 * ll::Random(seed, ll::Purpose::user).uniform(task));
    return ll::stream::rotated(data, angles);
  };
  for (std::size_t task = 0; task < 4; ++task) {
    CHECK(inputs(rotated(7), task) == inputs(rotated(7), task));
    CHECK(inputs(rotated(7), task) != inputs(rotated(8), task));
    CHECK(inputs(ll::stream::permuted(data, 4, {.seed = 7}), task) ==
          inputs(ll::stream::permuted(data, 4, {.seed = 7}), task));
  }
  CHECK(inputs(ll::stream::permuted(data, 4, {.seed = 7}), 2) != inputs(ll::stream::permuted(data, 4, {.seed = 8}), 2));
}

TEST_CASE(
    "defect 19: no method is plain training in disguise (Avalanche's history: EWC penalties of 0, SI identical to "
    "naive)",
    "[defect]") {
  const auto run = [](const auto& importance, const ll::penalty::Quadratic& penalty) {
    auto learner = learner_of(importance, TinyModel{}, penalty);
    train(learner, 1);
    learner.consolidate(TinyTask(1), {.batch_size = 8});
    const Vec at(learner.parameters().begin(), learner.parameters().end());
    for (double& theta : learner.parameters()) theta += 0.5;
    CHECK(learner.penalty_value() > 0);
    std::copy(at.begin(), at.end(), learner.parameters().begin());
    CHECK(std::abs(learner.penalty_value()) < 1e-12);
    train(learner, 2);
    return Vec(learner.parameters().begin(), learner.parameters().end());
  };
  auto naive = ll::Learner{TinyModel{}, Constant{}, ll::penalty::None{}, ll::optimizer::Sgd{.learning_rate = 0.05}};
  train(naive, 1);
  train(naive, 2);
  const Vec plain(naive.parameters().begin(), naive.parameters().end());
  for_each_default([&](const auto& importance) { CHECK(run(importance, {}) != plain); });
  for_each_preset([&](const auto& recipe) {
    INFO(recipe.convention.name);
    CHECK(run(recipe.importance, recipe.penalty) != plain);
  });
}

TEST_CASE(
    "defect 20: importances are written, and the penalty is proportional to them (Nott: zeros, and an SI penalty in "
    "which they cancel)",
    "[defect]") {
  const auto written = [](const auto& importance) {
    auto learner = learner_of(importance);
    train(learner, 1);
    learner.consolidate(TinyTask(1), {.batch_size = 8});
    const Vec found = omega_of(learner);
    const auto penalty = [&](double scale) {
      learner.set_importance(times(scale, found));
      for (double& theta : learner.parameters()) theta += 0.25;
      return learner.penalty_value();
    };
    CHECK(*std::max_element(found.begin(), found.end()) > 0);
    CHECK_THAT(penalty(2) / penalty(1), test::WithinRel(2.0, 1e-9));
  };
  for_each_default(written);
  for_each_preset([&](const auto& recipe) {
    INFO(recipe.convention.name);
    written(recipe.importance);
  });
}

TEST_CASE("invariant: no importance that is estimated depends on the batch size or the order of the samples",
          "[defect][invariant]") {
  const TinyTask task(7);
  TinyTask reversed = task;
  std::reverse(reversed.labels.begin(), reversed.labels.end());
  for (std::size_t n = 0; n < task.size(); ++n)
    std::copy_n(&task.inputs[n * 4], 4, &reversed.inputs[(task.size() - 1 - n) * 4]);
  const auto check = [&](const auto& importance) {
    for (const std::size_t batch : {std::size_t{1}, std::size_t{7}})
      test::check_equal(omega(importance, task, batch), omega(importance, task, 256), 10);
    test::check_equal(omega(importance, reversed, 7), omega(importance, task, 7), 10);
  };
  check(Fisher{});
  check(Fisher{.labels = Labels::predicted});
  check(Fisher{.labels = Labels::empirical});
  check(Mas{});
  check(Scp{.slices = 10});
  check(ScpLimit{});
  check(ReversedFisher{});
}

TEST_CASE("invariant: the path integral misses the decrease of the loss by the square of the learning rate",
          "[defect][invariant]") {
  const TinyTask task(3);
  const auto miss = [&](double learning_rate) {
    ll::Learner learner{TinyModel{}, SynapticIntelligence{.xi = 1e9, .clamp = Clamp::none}, ll::penalty::Quadratic{},
                        ll::optimizer::Sgd{.learning_rate = learning_rate}};
    Vec g(parameters);
    const double before = learner.model().gradient(task.all(), g);
    for (int step = 0; step < 10; ++step) learner.step(task.all());
    const double decrease = before - learner.model().gradient(task.all(), g);
    learner.consolidate();
    return 1e9 * sum(omega_of(learner)) - decrease;  // ξ so large that Ω ξ is ω
  };
  CHECK(std::abs(miss(1e-2)) > 1e-7);
  CHECK_THAT(miss(1e-2) / miss(5e-3), test::WithinRel(4.0, 0.05));
  CHECK_THAT(miss(5e-3) / miss(2.5e-3), test::WithinRel(4.0, 0.03));
}

}  // namespace defects_test
