// SPDX-License-Identifier: MIT
// Data sets on a device: their batches have the bits of those that are formed on the host, and a learner learns the
// same from them. Where there is no device, on one that is simulated.
#include <lifelong/cuda.cuh>
#include <lifelong/cuda/mlp.cuh>
#include <lifelong/cuda/resident.cuh>
#include <lifelong/lifelong.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "mlp_support.hpp"
#include "random_batch.hpp"
#include "slow_mlp.hpp"

namespace resident_test {

namespace ll = lifelong;
using ll::FeatureMap, ll::LastBatch, ll::OutputRange;
using test::MlpBackend, test::RandomBatch, test::same_bits;

template <class T>
using Resident = ll::cuda::Resident<T, test::MlpSystem>;

/// Rows of numbers with all that an example can have, seen through a map.
template <class T>
struct Rows {
  RandomBatch<T> data;
  std::size_t targets_per_example = 0;
  std::vector<T> weights = {};
  std::vector<std::uint32_t> lengths = {};
  FeatureMap map = {};

  [[nodiscard]] std::size_t size() const { return data.size; }
  [[nodiscard]] std::size_t features() const { return map.identity() ? data.features : map.outputs(); }
  [[nodiscard]] std::size_t targets() const { return targets_per_example; }
  void read(std::size_t i, ll::ExampleRow<T> row) const {
    map.apply(std::span<const T>(data.inputs).subspan(i * data.features, data.features), T(1), row.inputs);
    for (std::size_t k = 0; k < row.targets.size(); ++k) row.targets[k] = data.targets[i * data.outputs + k];
    row.label = data.labels[i];
    if (!data.ranges.empty()) row.active = data.ranges[i];
    if (!weights.empty()) row.weight = weights[i];
    if (!lengths.empty()) row.length = lengths[i];
  }
};

template <class V>
bool same(std::span<const V> a, std::span<const V> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// The batches of both, one after the other, have the same bits; nowhere is a batch on the device valid any longer.
template <class T>
void check_batches(const MlpBackend& backend, const Resident<T>& resident, const Rows<T>& rows, std::size_t batch_size,
                   std::span<const std::uint32_t> order = {}, LastBatch last = LastBatch::keep) {
  ll::BatchBuffer<T> buffer;
  const ll::backend::Serial serial;
  const ll::BatchLoader expected(rows, batch_size, buffer, serial, order, last);
  const auto found = resident.batches(batch_size, order, last);
  REQUIRE(found.size() == expected.size());
  auto at = found.begin();
  for (const ll::Batch<T>& host : expected) {
    REQUIRE_FALSE(at == found.end());
    const ll::cuda::Batch<T> moved = *at;
    ++at;
    REQUIRE(moved.size == host.size);
    CHECK(moved.features == host.features);
    std::vector<T> inputs(moved.size * moved.features);
    backend.copy_out(moved.inputs, std::span<T>(inputs));
    CHECK(same_bits(
        inputs, std::vector<T>(host.inputs.begin(), host.inputs.begin() + static_cast<std::ptrdiff_t>(inputs.size()))));
    CHECK(same(moved.labels, host.labels));
    CHECK(same(moved.targets, host.targets));
    CHECK(same(moved.active, host.active));
    CHECK(same(moved.indices, host.indices));
    CHECK(same(moved.weights, host.weights));
  }
  CHECK(at == found.end());
}

/// An order of all examples.
std::vector<std::uint32_t> shuffled(std::size_t count) {
  std::vector<std::uint32_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
  ll::Random(3).shuffle(std::span<std::uint32_t>(order));
  return order;
}

/// Half as many outputs as inputs, three taps each.
FeatureMap three_taps(std::size_t inputs) {
  const ll::Random random(8);
  std::vector<std::uint32_t> index;
  std::vector<float> weight;
  for (std::size_t t = 0; t < inputs / 2 * 3; ++t) {
    index.push_back(random.below(2 * t, inputs));
    weight.push_back(static_cast<float>(random.normal(2 * t + 1)));
  }
  return {inputs, 3, index, weight};
}

template <class T>
void check_all_batches(const Rows<T>& rows) {
  const MlpBackend backend;
  const Resident<T> resident(rows, backend);
  const std::vector<std::uint32_t> order = shuffled(rows.size());
  const auto check = [&](const Resident<T>& found, const Rows<T>& expected) {
    for (const LastBatch last : {LastBatch::keep, LastBatch::drop, LastBatch::merge})
      for (const std::size_t batch_size : {1U, 7U, 16U, 100U})
        for (const bool shuffles : {false, true})
          check_batches(backend, found, expected, batch_size, shuffles ? order : std::span<const std::uint32_t>(),
                        last);
    Rows<T> read{RandomBatch<T>(0, 0, 1)};
    ll::BatchBuffer<T> buffer, expected_buffer;
    buffer.resize(1, expected.features(), expected.targets());
    expected_buffer.resize(1, expected.features(), expected.targets());
    found.read(5, buffer.row(0, 5));
    expected.read(5, expected_buffer.row(0, 5));
    CHECK(same(buffer.batch().inputs, expected_buffer.batch().inputs));
    CHECK(same(buffer.batch().weights, expected_buffer.batch().weights));
    CHECK(same(buffer.batch().targets, expected_buffer.batch().targets));
  };
  check(resident, rows);
  const std::size_t features = rows.features();
  for (const FeatureMap& map : {FeatureMap(), FeatureMap::permutation(features, ll::Random(4)),
                                FeatureMap::rotation(4, features / 4, 30), three_taps(features)}) {
    Rows<T> mapped = rows;
    mapped.map = map;
    const Resident<T> view(resident, map);
    CHECK(view.features() == mapped.features());
    check(view, mapped);
  }
}

}  // namespace resident_test

using namespace resident_test;

TEST_CASE("batches of a Resident have the bits of those that are formed on the host", "[cuda][resident]") {
  Rows<float> plain{RandomBatch<float>(53, 20, 5)};
  check_all_batches(plain);
  plain.data.use_ranges(true);
  check_all_batches(plain);
  check_all_batches(Rows<double>{RandomBatch<double>(53, 20, 5), 5});
}

TEST_CASE("a Resident leaves examples of weight 0 out of its batches", "[cuda][resident]") {
  Rows<float> rows{RandomBatch<float>(53, 20, 5)};
  for (std::size_t i = 0; i < rows.size(); ++i) rows.weights.push_back(static_cast<float>(i % 4) / 2);
  rows.data.inputs[0] = std::numeric_limits<float>::quiet_NaN();  // is not there
  rows.data.inputs[80] = std::numeric_limits<float>::infinity();
  check_all_batches(rows);
  for (float& weight : rows.weights) weight += 1;
  rows.data.inputs[0] = rows.data.inputs[80] = 3;
  check_all_batches(rows);
}

TEST_CASE("a Resident names what it cannot hold", "[cuda][resident]") {
  using ll::InvalidArgument, ll::NumericError, ll::ShapeMismatch, test::ContainsSubstring, test::message_of;
  const MlpBackend backend;
  Rows<float> rows{RandomBatch<float>(2000, 4, 3)};
  const auto refused = [&]<class E>(E*, const std::string& text) {
    CHECK_THAT(message_of<E>([&] { Resident<float>(rows, backend); }), ContainsSubstring(text));
  };
  const auto wrong = static_cast<InvalidArgument*>(nullptr);
  rows.data.inputs[1500 * 4 + 2] = std::numeric_limits<float>::infinity();
  refused(static_cast<NumericError*>(nullptr), "example 1500, feature 2 is inf");
  rows.data.inputs[1500 * 4 + 2] = 1;
  rows.weights.assign(2000, 1);
  rows.weights[7] = -1;
  refused(wrong, "the weight of sample 7");
  rows.weights.clear();
  rows.lengths.assign(2000, 2);
  refused(wrong, "the batch has lengths, but cuda::Resident takes no sequences of unequal length");
  rows.lengths.clear();
  rows.data.size = 0;
  refused(wrong, "Resident: there are no examples");
  rows.data.size = ll::endless;
  refused(wrong, "Resident: the examples are endless");
  rows.data.size = 2000;

  const Resident<float> resident(rows, backend);
  const std::vector<std::uint32_t> order(1999);
  CHECK_THROWS_AS(resident.batches(0), InvalidArgument);
  CHECK_THROWS_AS(resident.batches(5, order), ShapeMismatch);
  CHECK_THROWS_AS(Resident<float>(resident, FeatureMap::permutation(5, ll::Random(1))), ShapeMismatch);
  const Resident<float> view(resident, FeatureMap::permutation(4, ll::Random(1)));
  CHECK_THAT(message_of<InvalidArgument>([&] { Resident<float>(view, FeatureMap::permutation(4, ll::Random(1))); }),
             ContainsSubstring("the examples have a map already"));
  CHECK_THAT(message_of<NumericError>([&] {
               Resident<float>(resident, FeatureMap(4, 1, {0, 1}, {1e38f, 3e38f}));
             }),
             ContainsSubstring("could be larger than the largest number"));
}

TEST_CASE("a learner learns the same bits from a Resident as from the host's examples", "[cuda][resident][learner]") {
  const MlpBackend backend;
  const auto trained = [&](const auto& first, const auto& second) {
    ll::Learner learner{test::Mlp<float>({20, 9, 5}, {.seed = 2}, backend), ll::importance::Fisher{},
                        ll::penalty::Quadratic{.strength = 20}, ll::optimizer::Momentum{.learning_rate = 0.1}, backend};
    learner.fit(first, {.epochs = 3, .batch_size = 16});
    learner.consolidate(first, {.batch_size = 20});
    learner.fit(second, {.epochs = 2, .batch_size = 16, .shuffle = false});
    learner.update_importance(second, {.keep = 0.5, .add = 0.5});
    std::vector<float> state = test::state_of(learner);
    state.push_back(static_cast<float>(ll::accuracy(learner.model(), first, backend)));
    state.push_back(static_cast<float>(ll::evaluate(learner.model(), second, ll::metric::Loss{}, backend, 7)));
    return state;
  };
  Rows<float> rows{RandomBatch<float>(53, 20, 5)};
  for (const bool weighted : {false, true}) {
    if (weighted)
      for (std::size_t i = 0; i < rows.size(); ++i) rows.weights.push_back(static_cast<float>(i % 3));
    Rows<float> turned = rows;
    turned.map = FeatureMap::permutation(20, ll::Random(4));
    const Resident<float> resident(rows, backend), view(resident, turned.map);
    CHECK(same_bits(trained(resident, view), trained(rows, turned)));
  }
}

TEST_CASE("a network, its learner and its data on different streams are refused", "[cuda][resident][learner]") {
  using ll::InvalidArgument, test::ContainsSubstring, test::message_of;
  const MlpBackend backend, other;
  const Rows<float> rows{RandomBatch<float>(30, 20, 5)};
  const Resident<float> resident(rows, backend);
  test::Mlp<float> net({20, 5}, {}, other);
  CHECK_THAT(message_of<InvalidArgument>([&] {
               ll::Learner(net, ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}, backend);
             }),
             ContainsSubstring("the network works on another stream than the backend: give both the same"));
  CHECK_THAT(message_of<InvalidArgument>(
                 [&] { ll::Learner(net, ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}); }),
             ContainsSubstring("the network's parameters lie on a device"));
  ll::Learner learner{net, ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}, other};
  CHECK_THAT(message_of<InvalidArgument>([&] { learner.fit(resident); }),
             ContainsSubstring("the inputs of the batch are written on another stream than the network's"));
  CHECK(ll::accuracy(net, resident, other) == ll::accuracy(net, rows, other));  // these are already there
}

TEST_CASE("every estimator takes the batches of a Resident", "[cuda][resident][importance]") {
  const MlpBackend backend;
  test::Mlp<float> net({20, 9, 5}, {.seed = 2}, backend);
  Rows<float> rows{RandomBatch<float>(53, 20, 5)};
  rows.data.use_ranges(true);
  const Resident<float> resident(rows, backend);
  const auto check = [&](const auto& importance) {
    const auto estimated = [&](auto&& batches) {
      return test::written_by(net, [&](auto out) { ll::importance::estimate(importance, net, batches, out, backend); });
    };
    ll::BatchBuffer<float> buffer;
    CHECK(same_bits(estimated(resident.batches(16)), estimated(ll::BatchLoader(rows, 16, buffer, backend))));
  };
  using namespace ll::importance;
  check(Fisher{});
  check(Fisher{.labels = Labels::sampled, .draws = 3});
  check(BatchFisher{});
  check(GaussNewton{});
  check(Mas{});
  check(BatchMas{});
  check(LocalMas{});
  check(Scp{.slices = 10});
  check(WeightedSum<Fisher, Mas>{});
}

TEST_CASE("models on the host read a Resident example by example", "[cuda][resident]") {
  const MlpBackend backend;
  const Rows<double> rows{RandomBatch<double>(30, 4, 3)};
  test::SlowMlp<> slow{{4, 3}, ll::nn::Activation::relu, test::normal_values<double>(15, 1)};
  CHECK(ll::accuracy(slow, Resident<double>(rows, backend)) == ll::accuracy(slow, rows));
}

#if !defined(__CUDACC__)

TEST_CASE("the type of a Resident follows from its backend, and a view shares memory", "[cuda][resident]") {
  const ll::cuda::Backend backend;
  const Rows<float> rows{RandomBatch<float>(30, 4, 3)};
  const ll::cuda::Resident task(rows, backend);
  const ll::cuda::Resident same(task, FeatureMap());
  const ll::cuda::Resident turned(task, FeatureMap::permutation(4, ll::Random(1)));
  static_assert(std::is_same_v<decltype(turned), const ll::cuda::Resident<float>>);
  CHECK((*same.batches(5).begin(2)).inputs == (*task.batches(5).begin(2)).inputs);
  CHECK(task.shape() == std::vector<std::size_t>{4});
}

#endif
