// SPDX-License-Identifier: MIT
// Times of the calls that must not get slower, one line each: `name seconds`, the best of several repeats. It uses only
// what revisions have in common; compare.sh runs it for two of them in turn.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

namespace ll = lifelong;
using namespace lifelong::importance;
using lifelong::optimizer::Adam, lifelong::optimizer::Momentum, lifelong::penalty::Quadratic;

namespace {

struct Parameters {
  using value_type = float;
  ll::AlignedVector<float> theta;
  std::span<float> parameters() { return theta; }
};

template <class Call>
void time(const char* name, int repeats, const Call& call) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30;
  for (int k = 0; k < repeats; ++k) {
    const auto begin = Clock::now();
    call();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  std::printf("%s %.6e\n", name, best);
}

template <class Importance, class Optimizer>
void time_steps(const char* name, Importance importance, Optimizer optimizer, std::size_t count, int steps) {
  ll::Learner learner{Parameters{ll::AlignedVector<float>(count, 0.5f)}, importance, Quadratic{}, optimizer};
  const std::span<float> gradient = learner.gradient();
  std::fill(gradient.begin(), gradient.end(), 0.01f);
  time(name, 15, [&] {
    for (int k = 0; k < steps; ++k) learner.step(std::span<const float>(gradient));
  });
}

template <class Importance>
auto make_learner(Importance importance) {
  return ll::Learner{ll::nn::mlp<float>({784, 256, 256, 10}, {.seed = 1}), importance, Quadratic{.strength = 10},
                     Adam{}};
}

}  // namespace

int main() {
  time_steps("step_ewc_momentum_10k", Constant{}, Momentum{}, 10000, 1000);
  time_steps("step_ewc_momentum_512k", Constant{}, Momentum{}, std::size_t{1} << 19, 20);
  time_steps("step_ewc_adam_512k", Constant{}, Adam{}, std::size_t{1} << 19, 20);
  time_steps("step_ewc_adam_16M", Constant{}, Adam{}, std::size_t{1} << 24, 1);
  time_steps("step_si_momentum_512k", SynapticIntelligence{}, Momentum{}, std::size_t{1} << 19, 20);
  time_steps("step_rwalk_adam_512k", RWalk{}, Adam{}, std::size_t{1} << 19, 10);

  const std::size_t samples = 2048, features = 784;
  std::vector<float> inputs(samples * features);
  std::vector<std::int32_t> labels(samples);
  const ll::Random random(1);
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = static_cast<float>(random.uniform(i));
  for (std::size_t n = 0; n < samples; ++n) labels[n] = static_cast<std::int32_t>(n % 10);
  const ll::Dataset<float> data(std::span<const float>(inputs), std::span<const std::int32_t>(labels), {features});
  auto exact = make_learner(Fisher{}), empirical = make_learner(Fisher{.labels = Labels::empirical});
  auto mas = make_learner(Mas{});
  auto path = make_learner(SynapticIntelligence{});
  time("fisher_exact", 8, [&] { exact.consolidate(data); });
  time("fisher_empirical", 8, [&] { empirical.consolidate(data); });
  time("mas", 8, [&] { mas.consolidate(data); });
  time("epoch_ewc", 8, [&] { exact.fit(data); });
  time("epoch_si", 8, [&] { path.fit(data); });
}
