// SPDX-License-Identifier: MIT
// Accuracy says what was measured, or that there was nothing to measure.
#include <lifelong/backend/openmp.hpp>
#include <lifelong/evaluation/evaluate.hpp>
#include <lifelong/stream/permuted.hpp>
#include <lifelong/stream/split.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace evaluate_test {

namespace ll = lifelong;

namespace {

/// f_c(x) = scale · x_c, for as many outputs as asked.
template <class T>
struct Echo {
  using value_type = T;
  std::size_t count;
  T scale = 1;
  std::size_t calls = 0;

  std::size_t outputs() const { return count; }
  std::size_t inputs() const { return 3; }
  void predict(const ll::Batch<T>& batch, std::span<T> out) {
    ++calls;
    for (std::size_t n = 0; n < batch.size; ++n)
      for (std::size_t c = 0; c < count; ++c) out[n * count + c] = scale * batch.inputs[n * batch.features + c % 3];
  }
};

struct EchoLearner {
  Echo<float> echo{3};
  ll::backend::Serial serial{};
  Echo<float>& model() { return echo; }
  const ll::backend::Serial& backend() const { return serial; }
};

/// Ten examples whose largest input is that of their label, but for the last.
ll::Dataset<float> examples(std::vector<std::int32_t> labels = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0}) {
  std::vector<float> inputs(3 * labels.size());
  for (std::size_t n = 0; n < labels.size(); ++n) inputs[3 * n + static_cast<std::size_t>(labels[n] % 3)] = 1;
  inputs[3 * labels.size() - 2] = 2;
  return {std::move(inputs), std::move(labels), {3}};
}

/// Examples of which one is changed, when it is read.
template <class Change>
struct Changed {
  ll::Dataset<float> data = examples();
  std::size_t which = 6;
  Change change;

  std::size_t size() const { return data.size(); }
  std::size_t features() const { return data.features(); }
  std::size_t targets() const { return data.targets(); }
  template <class T>
  void read(std::size_t i, ll::ExampleRow<T> row) const {
    data.read(i, row);
    if (i == which) change(row);
  }
};

template <class Change>
Changed<Change> with(Change change) {
  return {.change = change};
}

template <class E, class Model, class Source>
std::string refusal(Model&& model, const Source& source, std::size_t batch_size = 4) {
  return test::message_of<E>([&] { (void)ll::accuracy(model, source, ll::backend::Serial{}, batch_size); });
}

}  // namespace

TEST_CASE("accuracy is the share of examples whose label has the largest output", "[evaluation]") {
  Echo<float> model{3};
  for (const std::size_t batch_size : {std::size_t{1}, std::size_t{3}, std::size_t{10}, static_cast<std::size_t>(-1)}) {
    CHECK(ll::accuracy(model, examples(), ll::backend::Serial{}, batch_size) == 0.9);
    CHECK(ll::accuracy(model, examples(), ll::backend::OpenMP{3}, batch_size) == 0.9);
  }
}

TEST_CASE("an accuracy of nothing is refused before anything is computed", "[evaluation][errors]") {
  Echo<float> model{3};
  CHECK(refusal<ll::InvalidArgument>(model, ll::Examples<float>(examples()).first(0)) ==
        "accuracy: there are no examples");
  const ll::Dataset<float> real(std::vector<float>(6), std::vector<float>(2), 1, {3});
  CHECK_THAT(refusal<ll::InvalidArgument>(model, real),
             test::ContainsSubstring("accuracy: the examples have real targets"));
  CHECK_THAT(refusal<ll::InvalidArgument>(Echo<float>{1}, examples()),
             test::ContainsSubstring("the model has 1 output"));
  CHECK(refusal<ll::InvalidArgument>(model, examples(), 0) == "the batch_size must be at least 1, but is 0");
  CHECK_THAT(refusal<ll::InvalidArgument>(Echo<float>{0}, examples()),
             test::ContainsSubstring("the model has 0 outputs"));
  const ll::Dataset<float> narrow(std::vector<float>(4), std::vector<std::int32_t>(2), {2});
  CHECK(refusal<ll::ShapeMismatch>(model, narrow) == "the examples have 2 features where the network takes 3");
  CHECK(model.calls == 0);
}

TEST_CASE("an example whose label cannot be compared is named", "[evaluation][errors]") {
  Echo<float> model{3};
  CHECK(refusal<ll::InvalidArgument>(model, with([](auto& row) { row.label = -1; })) ==
        "accuracy: example 6 has no label");
  CHECK(refusal<ll::InvalidArgument>(model, with([](auto& row) { row.label = 3; })) ==
        "accuracy: the label of example 6 is 3, not one of the active outputs [0, 3)");
  CHECK(refusal<ll::InvalidArgument>(model, with([](auto& row) { row.label = -7; })) ==
        "accuracy: the label of example 6 is -7, not one of the active outputs [0, 3)");
  CHECK(refusal<ll::InvalidArgument>(model, with([](auto& row) {
                                       row.active = {1, 2};
                                     })) ==
        "accuracy: the label of example 6 is 0, not one of the active outputs [1, 3)");
  CHECK(refusal<ll::InvalidArgument>(model, with([](auto& row) {
                                       row.active = {1, 3};
                                     })) ==
        "accuracy: the active outputs of example 6 are [1, 4) where the model has 3 outputs");
  CHECK_THAT(refusal<ll::InvalidArgument>(model, with([](auto& row) {
                                            row.active = {0, 1};
                                          })),
             test::ContainsSubstring("of one output the largest is always the same"));
}

TEMPLATE_TEST_CASE("an output that is not finite is named, whatever is largest then", "[evaluation][errors]", float,
                   double) {
  constexpr auto nan = std::numeric_limits<TestType>::quiet_NaN();
  Echo<TestType> model{3};
  model.scale = nan;
  CHECK(refusal<ll::NumericError>(model, examples()) == "accuracy: output 0 of example 0 is nan");
  model.scale = std::numeric_limits<TestType>::max() / 4;
  CHECK(refusal<ll::NumericError>(model, with([](auto& row) { row.inputs[2] = 8; })) ==
        "accuracy: output 2 of example 6 is inf");
  CHECK(refusal<ll::NumericError>(model, with([](auto& row) { row.inputs[1] = -8; })) ==
        "accuracy: output 1 of example 6 is -inf");
  // Outputs that are not active do not matter.
  CHECK_NOTHROW(ll::accuracy(model, with([](auto& row) {
                               row.inputs[2] = 8;
                               row.active = {0, 2};
                             })));
}

TEST_CASE("a NaN in an example is named before a model sees it", "[evaluation][errors]") {
  Echo<float> model{3};
  CHECK(refusal<ll::NumericError>(model, with([](auto& row) {
                                    row.inputs[1] = std::numeric_limits<float>::quiet_NaN();
                                  })) == "example 6, feature 1 is nan");
  CHECK(model.calls == 1);  // for the batch before
}

TEST_CASE("evaluate names the task, and computes nothing if one cannot be measured", "[evaluation][errors]") {
  EchoLearner learner;
  const auto data = examples({0, 1, 2, 2, 1, 0, 0, 1, 2});
  const ll::SplitData<float> both{data, data};
  CHECK(ll::evaluate(learner, ll::stream::permuted(both, 2)).size() == 2);

  learner.echo.calls = 0;
  learner.echo.count = 2;
  CHECK(test::message_of<ll::ShapeMismatch>([&] { ll::evaluate(learner, ll::stream::permuted(both, 2)); }) ==
        "evaluate: the stream needs 3 outputs where the model has 2");
  learner.echo.count = 3;
  const ll::Dataset<float> real(std::vector<float>(6), std::vector<float>(6), 3, {3});
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] {
               ll::evaluate(learner, ll::stream::permuted(ll::SplitData<float>{real, real}, 2));
             }),
             test::ContainsSubstring("accuracy on task 'permutation 0': the examples have real targets"));

  struct Part {
    std::string name;
    ll::Examples<float> test;
  };
  const std::vector<Part> parts{{"full", data}, {"empty", ll::Examples<float>(data).first(0)}};
  CHECK(test::message_of<ll::InvalidArgument>([&] { ll::evaluate(learner, parts); }) ==
        "accuracy on task 'empty': there are no examples");
  CHECK(learner.echo.calls == 0);
}

}  // namespace evaluate_test
