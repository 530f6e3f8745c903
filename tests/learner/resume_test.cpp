// SPDX-License-Identifier: MIT
// Training that was interrupted goes on where it was, with the same bits, from whatever step.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"

namespace resume_test {

namespace ll = lifelong;
using ll::importance::SynapticIntelligence;
using ll::optimizer::Adam;
using ll::penalty::Quadratic;
using test::message_of;

namespace {

struct Task {
  std::uint64_t seed = 1;
  std::size_t count = 20;
  [[nodiscard]] std::size_t size() const { return count; }
  [[nodiscard]] std::size_t features() const { return 4; }
  [[nodiscard]] std::size_t targets() const { return 0; }
  void read(std::size_t i, ll::ExampleRow<float> row) const {
    for (std::size_t k = 0; k < 4; ++k) row.inputs[k] = static_cast<float>(ll::Random(seed).normal(4 * i + k));
    row.label = static_cast<std::int32_t>(i % 2);
  }
};

/// Everything that a step may depend on: running statistics, dropout, momentum, a path, a schedule.
auto make() {
  using namespace ll::nn;
  return ll::Learner{sequential<float>(std::tuple{Linear{4, 5}, BatchNorm{5}, ReLU{}, Dropout{0.3}, Linear{5, 2}}, 1),
                     SynapticIntelligence{}, Quadratic{.strength = 3}, Adam{.learning_rate = 0.02}};
}

const ll::FitOptions options{.epochs = 3,
                             .batch_size = 6,
                             .optimizer_state = ll::OptimizerState::reset,
                             .schedule = {.decay = ll::optimizer::Decay::cosine, .warmup = 2}};

ll::FitOptions resumed() {
  ll::FitOptions again = options;
  again.resume = true;
  return again;
}

/// A learner in the middle of its second task.
auto begun() {
  auto learner = make();
  learner.fit(Task{}, {.epochs = 2, .batch_size = 5});
  learner.consolidate();
  return learner;
}

template <class Learner>
std::vector<std::byte> bytes_of(Learner& learner) {
  const auto file = ll::io::checkpoint(learner);
  std::vector<std::byte> all;
  for (const auto& [name, tensor] : file.tensors()) {
    const auto bytes = file.bytes(name);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

struct Stop {};

}  // namespace

TEST_CASE("a checkpoint written in any callback goes on with the same bits", "[learner][resume]") {
  struct Variant {
    ll::LastBatch last_batch;
    std::size_t limit, batches, steps;
    bool shuffle;
  };
  for (const Variant& variant :
       {Variant{ll::LastBatch::keep, 0, 4, 12, true}, Variant{ll::LastBatch::drop, 0, 3, 9, true},
        Variant{ll::LastBatch::merge, 0, 3, 9, false}, Variant{ll::LastBatch::merge, 7, 3, 7, true}}) {
    ll::FitOptions first = options;
    first.last_batch = variant.last_batch;
    first.steps = variant.limit;
    first.shuffle = variant.shuffle;
    ll::FitOptions second = first;
    second.resume = true;
    auto whole = begun();
    std::vector<ll::io::Safetensors> saved;
    std::vector<double> losses;
    auto watched = begun();
    watched.fit(Task{2}, first, [&](const ll::FitProgress& at) {
      saved.push_back(ll::io::checkpoint(watched));
      losses.push_back(at.loss);
    });
    whole.fit(Task{2}, first);
    whole.consolidate();
    REQUIRE(saved.size() == variant.steps);
    for (std::size_t step = 1; step <= saved.size(); ++step) {
      auto again = make();
      ll::io::restore(saved[step - 1], again);
      std::size_t calls = step;
      again.fit(Task{2}, second, [&](const ll::FitProgress& at) {
        CHECK(at.step == ++calls);
        CHECK(at.steps == variant.steps);
        CHECK(at.batches == variant.batches);
        CHECK(at.epoch == (calls - 1) / variant.batches);
        CHECK(at.loss == losses[calls - 1]);
      });
      CHECK(calls == variant.steps);
      CHECK(again.optimizer_policy().learning_rate == 0.02);
      again.consolidate();
      const bool same = bytes_of(again) == bytes_of(whole);
      CHECK(same);
    }
  }
}

TEST_CASE("a checkpoint at the end of an epoch goes on with a new call for the other epochs", "[learner][resume]") {
  auto whole = make();
  whole.fit(Task{}, {.epochs = 3, .batch_size = 6});
  std::vector<ll::io::Safetensors> saved;
  auto watched = make();
  watched.fit(Task{}, {.epochs = 3, .batch_size = 6}, [&](const ll::FitProgress& at) {
    if (at.step == 4) saved.push_back(ll::io::checkpoint(watched));
  });
  auto again = make();
  ll::io::restore(saved.front(), again);
  again.fit(Task{}, {.epochs = 2, .batch_size = 6});
  again.state().fit_steps = whole.state().fit_steps;
  const bool same = bytes_of(again) == bytes_of(whole);
  CHECK(same);
}

TEST_CASE("an exception in the callback interrupts, and resume goes on", "[learner][resume]") {
  for (const bool shuffle : {true, false}) {
    auto whole = begun(), stopped = begun();
    ll::FitOptions first = options, second = resumed();
    first.shuffle = second.shuffle = shuffle;
    whole.fit(Task{2}, first);
    CHECK_THROWS_AS(stopped.fit(Task{2}, first,
                                [](const ll::FitProgress& at) {
                                  if (at.step == 5) throw Stop{};
                                }),
                    Stop);
    stopped.fit(Task{2}, second);
    const bool same = bytes_of(stopped) == bytes_of(whole);
    CHECK(same);
  }
}

TEST_CASE("resume has nothing to do after a call that was complete, and begins after a task has ended",
          "[learner][resume]") {
  auto learner = begun();
  learner.fit(Task{2}, options);
  const auto complete = bytes_of(learner);
  std::size_t steps = 0;
  const auto count = [&](const ll::FitProgress&) { ++steps; };
  learner.fit(Task{2}, resumed(), count);
  CHECK(steps == 0);
  const bool same = bytes_of(learner) == complete;
  CHECK(same);
  learner.consolidate();
  learner.fit(Task{3}, resumed(), count);
  CHECK(steps == 12);
}

TEST_CASE("resume with other examples or options is refused", "[learner][resume][errors]") {
  auto learner = begun();
  const auto stop = [](const ll::FitProgress& at) {
    if (at.step == 5) throw Stop{};
  };
  CHECK_THROWS_AS(learner.fit(Task{2}, options, stop), Stop);
  const auto before = bytes_of(learner);
  CHECK(message_of<ll::InvalidArgument>([&] {
          learner.fit(Task{2, 40}, resumed());
        }) ==
        "FitOptions.resume: the interrupted call had 4 batches per epoch and had done 5 steps, where this one has 7 "
        "batches "
        "per epoch and 21 steps");
  auto fewer = resumed();
  fewer.epochs = 1;
  CHECK_THROWS_AS(learner.fit(Task{2}, fewer), ll::InvalidArgument);
  const bool same = bytes_of(learner) == before;
  CHECK(same);
}

TEST_CASE("fit cannot be called from its own callback, everything else can", "[learner][resume][errors]") {
  auto learner = make(), plain = make();
  std::string message;
  learner.fit(Task{}, {.epochs = 2, .batch_size = 6}, [&](const ll::FitProgress&) {
    if (message.empty())
      message = message_of<ll::InvalidArgument>([&] { learner.fit(Task{1, 5000}, {.batch_size = 500}); });
    (void)ll::accuracy(learner.model(), Task{});
    (void)learner.penalty_value();
  });
  CHECK(message == "fit: the learner is in the middle of another call of fit, which called this one");
  plain.fit(Task{}, {.epochs = 2, .batch_size = 6});
  const bool same = bytes_of(learner) == bytes_of(plain);
  CHECK(same);
  learner.fit(Task{}, {.batch_size = 6});  // after an end or an error it can be called again

  using ll::importance::Mas;
  ll::Learner online{ll::nn::mlp<float>({4, 3, 2}, {.seed = 1}), Mas{}, Quadratic{}, Adam{}};
  online.fit(Task{}, {.batch_size = 6}, [&](const ll::FitProgress& at) {
    if (at.step == 2) online.consolidate(Task{1, 300});  // larger batches than those of fit
  });
  CHECK(online.tasks() == 1);
}

TEST_CASE("a learner that is copied in the callback of fit is in no call itself", "[learner][resume]") {
  auto learner = make(), plain = make();
  std::vector<decltype(learner)> copies;
  learner.fit(Task{}, {.batch_size = 6, .optimizer_state = ll::OptimizerState::reset}, [&](const ll::FitProgress& at) {
    if (at.step == 2) copies.push_back(learner);
  });
  plain.fit(Task{}, {.batch_size = 6});
  CHECK_NOTHROW(copies.front().fit(Task{}, {.batch_size = 6}));
  copies.front() = plain;
  plain.fit(Task{2}, {.batch_size = 6});
  copies.front().fit(Task{2}, {.batch_size = 6});
  const bool same = bytes_of(copies.front()) == bytes_of(plain);
  CHECK(same);
}

TEST_CASE("a source of any number of examples is read as it comes where no order is needed", "[learner][errors]") {
  auto learner = make();
  std::size_t steps = 0;
  const auto stop = [&](const ll::FitProgress&) {
    if (++steps == 3) throw Stop{};
  };
  for (const std::size_t count : {ll::endless / 2, ll::endless - 1}) {
    steps = 0;
    CHECK_THROWS_AS(learner.fit(Task{1, count}, {.batch_size = 4, .shuffle = false}, stop), Stop);
    CHECK(steps == 3);
  }
#if SIZE_MAX > 0xFFFFFFFF
  CHECK(message_of<ll::InvalidArgument>([&] {
          learner.fit(Task{1, std::size_t{1} << 40}, {.batch_size = 4});
        }) == "fit: 1099511627776 examples are too many to shuffle: at most 2^32, or say .shuffle = false");
#endif
  CHECK_THAT(message_of<ll::InvalidArgument>(
                 [&] { learner.fit(Task{}, {.epochs = static_cast<std::size_t>(-1), .batch_size = 6}); }),
             test::ContainsSubstring("epochs of 4 batches are more steps than"));
  CHECK(message_of<ll::InvalidArgument>([&] { learner.fit(Task{}, {.batch_size = 0}); }) ==
        "fit: the batch_size must be at least 1, but is 0");
}

TEST_CASE("one batch of everything, however large the batch size is", "[learner]") {
  auto whole = make(), largest = make();
  whole.fit(Task{}, {.epochs = 3, .batch_size = 20});
  largest.fit(Task{}, {.epochs = 3, .batch_size = static_cast<std::size_t>(-1)});
  const bool same = bytes_of(whole) == bytes_of(largest);
  CHECK(same);
}

}  // namespace resume_test
