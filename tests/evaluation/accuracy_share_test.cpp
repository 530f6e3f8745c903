// SPDX-License-Identifier: MIT
// Accuracies as fractions: the examples that are right over all that there are, for any batch size and with ranges.
#include <lifelong/evaluation/evaluate.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"

namespace accuracy_share_test {

namespace ll = lifelong;

namespace {

/// The outputs are the inputs.
struct Identity {
  using value_type = double;
  std::size_t count = 4;

  std::size_t outputs() const { return count; }
  void predict(const ll::Batch<double>& batch, std::span<double> out) const {
    for (std::size_t k = 0; k < batch.size * count; ++k) out[k] = batch.inputs[k];
  }
};

/// Examples by their rows of outputs, labels and ranges.
struct Rows {
  std::vector<std::vector<double>> rows;
  std::vector<std::int32_t> labels;
  std::vector<ll::OutputRange> active = {};

  std::size_t size() const { return labels.size(); }
  std::size_t features() const { return 4; }
  std::size_t targets() const { return 0; }
  void read(std::size_t i, ll::ExampleRow<double> row) const {
    for (std::size_t c = 0; c < 4; ++c) row.inputs[c] = rows[i][c];
    row.label = labels[i];
    if (!active.empty()) row.active = active[i];
  }
};

/// Seven examples of which the first, the third and the last are right.
Rows seven() {
  return {{{9, 1, 2, 3}, {9, 1, 2, 3}, {1, 2, 9, 3}, {1, 2, 3, 9}, {1, 9, 2, 3}, {-1, -2, -3, -4}, {-4, -3, -2, -1}},
          {0, 1, 2, 0, 3, 2, 3}};
}

/// Five examples of classes 2 and 3 alone. The largest of all outputs is never active; the second, the third, the
/// fourth and the last are right, the last because of equal outputs the first counts.
Rows five() {
  return {{{9, 8, 2, 3}, {9, 8, 2, 3}, {8, 9, 3, 2}, {9, 9, -1, -2}, {9, 8, 3, 3}},
          {2, 3, 2, 2, 2},
          {{2, 2}, {2, 2}, {2, 2}, {2, 2}, {2, 2}}};
}

struct Learner {
  Identity identity;
  ll::backend::Serial serial{};
  Identity& model() { return identity; }
  const ll::backend::Serial& backend() const { return serial; }
};

struct Task {
  std::string name;
  Rows test;
};

}  // namespace

TEST_CASE("accuracy is the number of right examples over the number of examples", "[evaluation]") {
  Identity model;
  for (std::size_t batch_size = 1; batch_size <= 8; ++batch_size) {
    CHECK(ll::accuracy(model, seven(), ll::backend::Serial{}, batch_size) == 3.0 / 7);
    CHECK(ll::accuracy(model, five(), ll::backend::Serial{}, batch_size) == 4.0 / 5);
  }
  CHECK(ll::accuracy(model, seven()) == 3.0 / 7);
}

TEST_CASE("accuracy compares the active outputs alone", "[evaluation]") {
  Identity model;
  Rows unrestricted = five();
  unrestricted.active.clear();
  CHECK(ll::accuracy(model, unrestricted) == 0);
  Rows mixed = five();
  mixed.active[1] = {1, 3};  // then output 1 is the largest
  mixed.active[3] = {0, 4};
  CHECK(ll::accuracy(model, mixed) == 2.0 / 5);
  for (const std::int32_t label : {1, 2}) {  // the last output is active, too, and the first one may be
    const Rows one{{{0, 5, 9, 0}}, {label}, {{1, 2}}};
    CHECK(ll::accuracy(model, one) == (label == 2 ? 1 : 0));
  }
}

TEST_CASE("a row of the accuracy matrix has each task's own number of examples", "[evaluation]") {
  Learner learner;
  const std::vector<Task> tasks{{"seven", seven()}, {"five", five()}};
  CHECK(ll::evaluate(learner, tasks) == std::vector<double>{3.0 / 7, 4.0 / 5});
}

}  // namespace accuracy_share_test
