// SPDX-License-Identifier: MIT
// Sums over samples: none is lost, none is counted twice, however they are cut into batches.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "random_batch.hpp"
#include "tiny_model.hpp"

namespace sums_test {

namespace ll = lifelong;
using namespace lifelong::importance;
using ll::Batch;
using ll::backend::Serial;
using ll::penalty::Quadratic;

namespace {

/// The same example again and again.
struct Same {
  std::size_t count;
  [[nodiscard]] std::size_t size() const { return count; }
  [[nodiscard]] static std::size_t features() { return 1; }
  [[nodiscard]] static std::size_t targets() { return 1; }
  template <class T>
  void read(std::size_t, ll::ExampleRow<T> row) const {
    row.inputs[0] = static_cast<T>(0.37);
    row.targets[0] = 0;
  }
};

/// f = θ x.
struct Line {
  using value_type = float;
  std::vector<float> theta = {1};
  std::span<float> parameters() { return theta; }
  double gradient(const Batch<float>& batch, std::span<float> out) const {
    out[0] = 0;
    for (const float x : batch.inputs) out[0] += theta[0] * x * x / static_cast<float>(batch.size);
    return 0;
  }
  [[nodiscard]] static std::size_t outputs() { return 1; }
  void predict(const Batch<float>& batch, std::span<float> out) const {
    for (std::size_t n = 0; n < batch.size; ++n) out[n] = theta[0] * batch.inputs[n];
  }
  static void pullback(const Batch<float>& batch, std::span<const float> cotangents, std::span<float> out) {
    out[0] = 0;
    for (std::size_t n = 0; n < batch.size; ++n) out[0] += cotangents[n] * batch.inputs[n];
  }
};

template <class Model, class Importance>
double importance_of(Model model, Importance importance, std::size_t count, std::size_t batch_size) {
  ll::Learner learner{std::move(model), importance, Quadratic{}, ll::optimizer::Sgd{}};
  learner.consolidate(Same{count}, {.batch_size = batch_size});
  return static_cast<double>(learner.importance()[0]);
}

/// A range that fetches its next batch when it is asked for one; nothing can be had twice.
struct Once {
  std::vector<Batch<float>> waiting;
  std::size_t next = 0;
  int begins = 0;
  struct Iterator {
    Once* from;
    const Batch<float>& operator*() const { return from->waiting[from->next - 1]; }
    Iterator& operator++() {
      ++from->next;
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return from->next > from->waiting.size(); }
  };
  Iterator begin() {
    ++begins;
    ++next;
    return {this};
  }
  std::default_sentinel_t end() { return {}; }
};

std::vector<float> omega_of(auto& learner) { return {learner.importance().begin(), learner.importance().end()}; }

auto learner_of(const auto& importance) {
  return ll::Learner{ll::nn::mlp<float>({3, 4, 3}, {.seed = 5}), importance, Quadratic{}, ll::optimizer::Sgd{}};
}

/// Two logits, 0 and θ, with p(y = 1) = 0.3.
struct Bias {
  using value_type = double;
  std::vector<double> theta = {std::log(0.3 / 0.7)};
  std::span<double> parameters() { return theta; }
  static double gradient(const Batch<double>&, std::span<double> out) { return out[0] = 0; }
  [[nodiscard]] static std::size_t outputs() { return 2; }
  void predict(const Batch<double>& batch, std::span<double> out) const {
    for (std::size_t n = 0; n < batch.size; ++n) {
      out[2 * n] = 0;
      out[2 * n + 1] = theta[0];
    }
  }
  static void pullback(const Batch<double>& batch, std::span<const double> cotangents, std::span<double> out) {
    out[0] = 0;
    for (std::size_t n = 0; n < batch.size; ++n) out[0] += cotangents[2 * n + 1];
  }
};

}  // namespace

TEST_CASE("a float mean of a million equal samples is that of one", "[importance][sums]") {
  const double x = static_cast<double>(0.37f), square = x * x;
  for (const std::size_t batch : {std::size_t{1}, std::size_t{256}, std::size_t{100000}}) {
    INFO("batches of " << batch);
    CHECK_THAT(importance_of(Line{}, GaussianFisher{}, 1000000, batch), test::WithinRel(square, 3e-5));
    CHECK_THAT(importance_of(Line{}, Mas{}, 1000000, batch), test::WithinRel(2 * square, 3e-5));
    CHECK_THAT(importance_of(Line{}, ScpLimit{}, 1000000, batch), test::WithinRel(square, 6e-5));
  }
  const auto network = ll::nn::sequential<float>(ll::nn::Shape{1}, std::tuple{ll::nn::Linear{1, 1}}, 1, Serial{},
                                                 ll::nn::MeanSquaredError{});
  for (const std::size_t batch : {std::size_t{16}, std::size_t{1000000}}) {
    INFO("a network, batches of " << batch);
    CHECK_THAT(importance_of(network, GaussianFisher{}, 1000000, batch), test::WithinRel(square, 3e-5));
  }
}

TEST_CASE("a hundred million samples are not lost", "[importance][sums]") {
  // What a hundred million samples add up to, part by part: the parts are made here, the sums by the library.
  const Serial serial;
  std::vector<double> partials(1);
  const ll::Loop<float, Serial> loop(serial, 1, std::span<double>(partials));
  ll::detail::SampleSum<float, Serial> sum;
  std::vector<float> total{0};
  constexpr std::size_t part = ll::detail::SampleSum<float, Serial>::part_size, parts = 100000000 / part;
  float of_one_part = 0;
  for (std::size_t n = 0; n < part; ++n) of_one_part += 0.1369f;
  for (std::size_t k = 0; k < parts; ++k)
    sum.add(loop, std::span(total), part, [&](std::size_t, std::size_t) { total[0] += of_one_part; });
  sum.finish(loop, std::span(total));
  CHECK_THAT(static_cast<double>(total[0]), test::WithinRel(0.1369 * static_cast<double>(parts * part), 6e-5));
}

TEST_CASE("a range that can be walked once gives what a vector gives", "[importance][sums]") {
  const test::RandomBatch<float> data(23, 3, 3);
  std::vector<Batch<float>> batches;
  for (std::size_t n = 0; n < 23; n += 5) batches.push_back(data.batch().slice(n, std::min<std::size_t>(5, 23 - n)));
  const auto check = [&](const auto& importance) {
    auto learner = learner_of(importance), other = learner_of(importance);
    learner.consolidate(batches);
    Once once{batches};
    other.consolidate(once);
    CHECK(once.begins == 1);
    CHECK(omega_of(other) == omega_of(learner));
    CHECK(other.recipe() == learner.recipe());
    CHECK_THAT(other.recipe(), test::ContainsSubstring("estimated on 23 samples"));
  };
  check(Fisher{});
  check(Fisher{.labels = Labels::sampled});
  check(Mas{});
  check(LocalMas{});
  check(BatchFisher{});
  check(Scp{.slices = 4});
  check(ScpLimit{});
  check(Normalized<Fisher>{});
  check(WeightedSum<Fisher, Mas>{});
  check(WeightedSum<WeightedSum<Fisher, Scp>, Mas>{});
  check(Normalized<WeightedSum<Fisher, Mas>>{});
}

TEST_CASE("empty batches count nothing", "[importance][sums]") {
  const test::RandomBatch<float> data(9, 3, 3);
  const Batch<float> all = data.batch(), none = all.slice(0, 0);
  const auto check = [&](const auto& importance) {
    auto learner = learner_of(importance), holed = learner_of(importance), empty = learner_of(importance);
    learner.consolidate(std::vector{all.slice(0, 4), all.slice(4, 5)});
    holed.consolidate(std::vector{none, all.slice(0, 4), none, all.slice(4, 5), none});
    CHECK(omega_of(holed) == omega_of(learner));
    for (const auto& nothing : {std::vector<Batch<float>>{}, std::vector{none, none}})
      CHECK(test::message_of<ll::InvalidArgument>([&] { empty.consolidate(nothing); }) ==
            "consolidate: the task has no examples");
    CHECK(empty.tasks() == 0);
  };
  check(Fisher{});
  check(Mas{});
  check(LocalMas{});
  check(BatchFisher{});
  check(BatchMas{.scale = BatchScale::enlarged});
  check(ScpLimit{});
  check(WeightedSum<BatchFisher, Mas>{});
}

TEST_CASE("sampled labels are numbered across batches", "[importance][sums]") {
  const std::size_t count = 4000;
  const std::vector<double> x(count, 1.0);
  const std::vector<std::int32_t> y(count, 0);
  const Batch<double> all{.size = count, .features = 1, .inputs = x, .labels = y};
  std::vector<double> results;
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, count}) {
    std::vector<Batch<double>> batches;
    for (std::size_t n = 0; n < count; n += size) {
      batches.push_back(all.slice(n, std::min(size, count - n)));
      batches.back().first = 0;  // as a loader that knows no numbers makes them
    }
    std::vector<double> out(1);
    Bias model;
    estimate(Fisher{.labels = Labels::sampled}, model, batches, std::span<double>(out));
    results.push_back(out[0]);
    CHECK_THAT(out[0], test::WithinAbs(0.21, 4 * std::sqrt(0.21 * 0.16 / static_cast<double>(count))));
  }
  CHECK_THAT(results[0], test::WithinRel(results[2], 1e-12));
  CHECK_THAT(results[1], test::WithinRel(results[2], 1e-12));
}

TEST_CASE("slices of a batch keep their numbers", "[importance][sums]") {
  const std::size_t count = 90;
  const std::vector<double> x(count, 1.0);
  const Batch<double> all{.size = count, .features = 1, .inputs = x};
  std::vector<double> whole(1), cut(1);
  Bias model;
  const Fisher fisher{.labels = Labels::sampled};
  estimate(fisher, model, std::vector{all}, std::span<double>(whole));
  estimate(fisher, model, std::vector{all.slice(0, 50), all.slice(50, 40)}, std::span<double>(cut));
  CHECK_THAT(cut[0], test::WithinRel(whole[0], 1e-12));
}

TEST_CASE("batches whose arrays are too short are refused before they are read", "[importance][sums]") {
  const std::vector<float> x(30);
  const std::vector<std::int32_t> y(3);
  const auto refused = [&](const auto& importance, const Batch<float>& batch) {
    auto learner = learner_of(importance);
    CHECK_THROWS_AS(learner.consolidate(std::vector{batch}), ll::ShapeMismatch);
    CHECK(learner.tasks() == 0);
  };
  for (const Batch<float>& batch : {Batch<float>{.size = 2000, .features = 3, .inputs = x},
                                    Batch<float>{.size = 10, .features = 3, .inputs = x, .labels = y},
                                    Batch<float>{.size = ~std::size_t{0} / 2, .features = 3, .inputs = x}}) {
    refused(Fisher{}, batch);
    refused(Mas{}, batch);
    refused(ScpLimit{}, batch);
  }
  const std::vector<ll::OutputRange> active(10, {0, 4000000000u});
  auto learner = learner_of(Scp{});
  CHECK_THROWS_AS(
      learner.consolidate(std::vector{Batch<float>{.size = 10, .features = 3, .inputs = x, .active = active}}),
      ll::InvalidArgument);
}

TEST_CASE("a task without batches is refused by importances that need no data", "[importance][sums]") {
  auto learner = learner_of(SynapticIntelligence{});
  CHECK(test::message_of<ll::InvalidArgument>([&] { learner.consolidate(std::vector<Batch<float>>{}); }) ==
        "consolidate: the task has no examples");
  CHECK(learner.tasks() == 0);
  learner.step(std::vector<float>(learner.parameters().size(), 1));
  learner.consolidate();
  CHECK(learner.tasks() == 1);
}

TEST_CASE("Scp is that of the paper where samples compete over different outputs", "[importance][sums]") {
  test::RandomBatch<double> data(12, 4, 3);
  data.use_ranges(true);
  test::TinyModel model;
  const Scp scp{.slices = 7, .seed = 3};
  std::vector<double> out(model.theta.size());
  estimate(scp, model, std::vector{data.batch()}, std::span<double>(out));
  // Slice by slice and sample by sample.
  const ll::Random random(3, ll::Purpose::slices);
  std::vector<double> slow(out.size());
  for (std::size_t l = 0; l < 7; ++l) {
    std::vector<double> mean(out.size()), gradient(out.size());
    for (std::size_t n = 0; n < 12; ++n) {
      const auto active = data.batch().context(n, 3).active;
      std::vector<double> xi(3);
      double squares = 0;
      for (std::size_t c = 0; c < 3; ++c)
        if (active.contains(c)) {
          xi[c] = random.normal(l * 3 + c);
          squares += xi[c] * xi[c];
        }
      for (double& value : xi) value /= std::sqrt(squares);
      model.pullback(data.batch().sample(n), xi, gradient);
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += gradient[i] / 12;
    }
    for (std::size_t i = 0; i < mean.size(); ++i) slow[i] += mean[i] * mean[i] / 7;
  }
  for (std::size_t i = 0; i < slow.size(); ++i) CHECK_THAT(out[i], test::WithinRel(slow[i], 1e-12));
}

}  // namespace sums_test
