// SPDX-License-Identifier: MIT
// A learner as a member of a class: a sorting machine that is taught one product after the other, a robot that is told
// by its owner how much the past is worth, and a class whose header does not show that there is a learner.
#include <lifelong/learners.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "synthetic.hpp"

namespace ll = lifelong;

// [factory]
/// All choices of the learner are made here, and its type follows from them.
inline auto make_learner() {
  return ll::Learner{ll::nn::mlp<float>({64, 32, 4}, {.seed = 1}), ll::importance::Fisher{},
                     ll::penalty::Quadratic{.strength = 100}, ll::optimizer::Adam{.learning_rate = 3e-3}};
}

class SortingMachine {
 public:
  /// Learns a product and keeps what it knew of the others.
  void learn(const auto& product) {
    learner_.fit(product, {.epochs = 4, .batch_size = 32});
    learner_.consolidate(product);
  }

  double share_right(const auto& product) { return ll::accuracy(learner_.model(), product); }

 private:
  decltype(make_learner()) learner_ = make_learner();
};
// [factory]

// [named]
class Robot {
 public:
  explicit Robot(double strength)
      : learner_(ll::nn::mlp<float>({64, 32, 4}, {.seed = 1}), {}, {.strength = strength}, {.learning_rate = 3e-3}) {}

  void learn(const auto& room) {
    learner_.fit(room, {.epochs = 4, .batch_size = 32});
    learner_.consolidate(room);
  }

  double share_right(const auto& room) { return ll::accuracy(learner_.model(), room); }

 private:
  using Network = decltype(ll::nn::mlp<float>({64, 32, 4}));
  ll::learners::Ewc<Network> learner_;  // Elastic Weight Consolidation with Adam
};
// [named]

// [header]
/// In a header of yours: nothing of the library, so that only one file is compiled with it.
class Recognizer {
 public:
  Recognizer();
  ~Recognizer();
  Recognizer(Recognizer&&) noexcept;
  Recognizer& operator=(Recognizer&&) noexcept;

  /// Rows of 64 inputs, and a label for each.
  void learn(std::vector<float> inputs, std::vector<std::int32_t> labels);
  double share_right(std::vector<float> inputs, std::vector<std::int32_t> labels);

 private:
  struct Learning;
  std::unique_ptr<Learning> learning_;
};
// [header]

// [source]
// In the source file that belongs to it.
struct Recognizer::Learning {
  decltype(make_learner()) learner = make_learner();
};

Recognizer::Recognizer() : learning_(std::make_unique<Learning>()) {}
Recognizer::~Recognizer() = default;
Recognizer::Recognizer(Recognizer&&) noexcept = default;
Recognizer& Recognizer::operator=(Recognizer&&) noexcept = default;

void Recognizer::learn(std::vector<float> inputs, std::vector<std::int32_t> labels) {
  const ll::Dataset<float> examples(std::move(inputs), std::move(labels), {64});
  learning_->learner.fit(examples, {.epochs = 4, .batch_size = 32});
  learning_->learner.consolidate(examples);
}

double Recognizer::share_right(std::vector<float> inputs, std::vector<std::int32_t> labels) {
  return ll::accuracy(learning_->learner.model(), ll::Dataset<float>(std::move(inputs), std::move(labels), {64}));
}
// [source]

int main() {
  const auto tasks = ll::stream::permuted(ll::SplitData<float>{patterns(1200, 1), patterns(400, 2)}, 2, {.seed = 3});

  SortingMachine machine;
  machine.learn(tasks[0].train);
  SortingMachine second = machine;  // a learner is a value: the copy knows what the first one knows
  second.learn(tasks[1].train);
  std::printf("the machine gets %.3f of its product right; its copy %.3f, and %.3f of another\n",
              machine.share_right(tasks[0].test), second.share_right(tasks[0].test), second.share_right(tasks[1].test));

  Robot forgetful(0), careful(100);
  for (Robot* robot : {&forgetful, &careful})
    for (const auto& task : tasks) robot->learn(task.train);
  const double forgotten = forgetful.share_right(tasks[0].test), kept = careful.share_right(tasks[0].test);
  std::printf("of the first room a robot gets %.3f right with strength 0, %.3f with strength 100\n", forgotten, kept);

  std::vector<float> inputs(8 * 64, 0.0f);
  for (std::size_t n = 0; n < 8; ++n) inputs[64 * n + n % 4] = 1;
  const std::vector<std::int32_t> labels{0, 1, 2, 3, 0, 1, 2, 3};
  Recognizer recognizer;
  for (int time = 0; time < 50; ++time) recognizer.learn(inputs, labels);
  const double recognized = recognizer.share_right(inputs, labels);
  std::printf("the recognizer gets %.3f of its examples right\n", recognized);
  return second.share_right(tasks[0].test) > 0.9 && kept > forgotten && recognized > 0.9 ? 0 : 1;
}
