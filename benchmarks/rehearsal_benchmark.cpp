// SPDX-License-Identifier: MIT
// What keeping old tasks costs: steps that ask a memory with as many examples as the batch has, against plain steps;
// and the fused step with a mask, against the one without. 784-400-400-10, batch 128, momentum.
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <lifelong/lifelong.hpp>
#include <lifelong/nn/mlp.hpp>
#include <lifelong/penalty/frozen.hpp>
#include <lifelong/penalty/packnet.hpp>
#include <lifelong/rehearsal/averaged_gem.hpp>
#include <lifelong/rehearsal/dark_experience.hpp>
#include <lifelong/rehearsal/gem.hpp>
#include <lifelong/rehearsal/replay.hpp>

#include "step.hpp"
#include "suite.hpp"
#include "synthetic.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using ll::optimizer::Adam, ll::optimizer::Momentum;

constexpr std::size_t batch_size = 128;

/// A learner that has finished some tasks of one class, and now learns another, against which their gradients are. Its
/// rate is then so small that it stays there.
template <class Rehearsal>
class Steps {
 public:
  Steps(Rehearsal rehearsal, std::size_t hidden, std::size_t tasks)
      : samples_(batches * batch_size, 784, 1),
        learner_(ll::nn::mlp<float>({784, hidden, hidden, 10}, {.seed = 1}), ll::importance::Constant{},
                 ll::penalty::None{}, Momentum{.learning_rate = 1e-3}, rehearsal) {
    for (std::size_t task = 0; task < tasks; ++task) {
      for (std::size_t k = 0; k < batches; ++k) step();
      learner_.consolidate();
    }
    samples_.labels.assign(samples_.labels.size(), 1);
    learner_.optimizer_policy().learning_rate = 1e-8;
  }
  void step() {
    learner_.step(samples_.batch().slice(next_ * batch_size, batch_size));
    next_ = (next_ + 1) % batches;
  }
  /// What the last step learned from.
  [[nodiscard]] std::span<const float> gradient() { return learner_.gradient(); }

 private:
  using L = decltype(ll::Learner{ll::nn::mlp<float>({1, 1}), ll::importance::Constant{}, ll::penalty::None{},
                                 Momentum{}, Rehearsal{}});
  static constexpr std::size_t batches = 8;

  Samples samples_;
  L learner_;
  std::size_t next_ = 0;
};

/// A step of `rehearsal` against a plain one.
template <class Rehearsal>
void against_plain(Suite& suite, const std::string& name, const Rehearsal& rehearsal, std::size_t tasks = 2) {
  suite.row("rehearsal/" + name + " vs plain", [=, &suite] {
    const std::size_t hidden = suite.size(400, 20);
    const auto steps = std::make_shared<Steps<Rehearsal>>(rehearsal, hidden, tasks);
    const auto plain = std::make_shared<Steps<ll::rehearsal::None>>(ll::rehearsal::None{}, hidden, tasks);
    return Pair{.body = [steps] { steps->step(); },
                .against = {[plain] { plain->step(); }},
                .agree =
                    [steps, plain] {
                      steps->step(), plain->step();
                      return difference(steps->gradient(), plain->gradient()) > 0;  // the memory has a say
                    }};
  });
}

/// The fused step with a mask, against one without.
template <class Penalty, class Optimizer>
void masked(Suite& suite, const std::string& name, const Optimizer& optimizer) {
  step_against_plain(suite, Composition<Optimizer, Penalty, ll::importance::Fisher>{name, optimizer});
}

}  // namespace

int main(int argc, char** argv) {
  using namespace ll::rehearsal;
  Suite suite(argc, argv);
  against_plain(suite, "replay/batch 128", Replay{.capacity = 500, .batch_size = batch_size});
  against_plain(suite, "der++/batch 128", DerPlusPlus{.capacity = 500, .batch_size = batch_size});
  against_plain(suite, "a-gem/batch 128", RingAGem{.capacity = 250, .batch_size = batch_size});
  against_plain(suite, "gem/5 tasks of 128", Gem{.capacity = batch_size, .batch_size = batch_size}, 5);
  masked<ll::penalty::Frozen<>>(suite, "frozen+momentum", Momentum{.learning_rate = 1e-5});
  masked<ll::penalty::PackNet>(suite, "packnet+momentum", Momentum{.learning_rate = 1e-5});
  masked<ll::penalty::PackNet>(suite, "packnet+adam", Adam{.learning_rate = 1e-5});
  return suite.run();
}
