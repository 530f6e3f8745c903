// Exact per-sample importances against one plain gradient of the same samples, one thread.
#include <benchmark/benchmark.h>

#include <array>
#include <span>

#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include "in_turn.hpp"
#include "synthetic.hpp"

namespace {

namespace ll = lifelong;
using ll::importance::Fisher, ll::importance::Labels, ll::importance::Mas;

void importance(benchmark::State& state) {
  const ll::Dataset<std::uint8_t> images = ll::benchmarks::synthetic_images(1000);
  ll::BatchBuffer<float> buffer;
  const ll::backend::Serial serial;
  const std::array<ll::Batch<float>, 1> batches{*ll::BatchLoader(images, images.size(), buffer, serial).begin()};
  auto network = ll::nn::mlp<float>({784, 400, 400, 10}, {.seed = 1});
  ll::AlignedVector<float> values(network.parameters().size());
  const std::span<float> out(values);

  const auto gradient = [&] { network.gradient(batches[0], out); };
  const auto estimate = [&](const auto& policy) { return [&, policy] { policy.estimate(network, batches, out); }; };
  const auto [plain, empirical, mas, sampled, exact] = ll::benchmarks::best_in_turn(
      state, gradient, estimate(Fisher{.labels = Labels::empirical}), estimate(Mas{}),
      estimate(Fisher{.labels = Labels::sampled}), estimate(Fisher{.labels = Labels::exact}));
  state.counters["empirical_fisher/gradient"] = empirical.processor / plain.processor;
  state.counters["mas/gradient"] = mas.processor / plain.processor;
  state.counters["sampled_fisher/gradient"] = sampled.processor / plain.processor;
  state.counters["exact_fisher/gradient"] = exact.processor / plain.processor;
}

BENCHMARK(importance)->Iterations(20)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
