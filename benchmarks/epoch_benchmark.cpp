// One epoch of rotated MNIST, 784-1024-512-256-10, Adam, batch 128: where its time goes.
// Images are synthetic unless LIFELONG_BENCHMARK_DATA names a folder with the IDX files of MNIST.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/idx.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include "in_turn.hpp"
#include "synthetic.hpp"

namespace {

namespace ll = lifelong;
using Images = ll::Dataset<std::uint8_t>;

constexpr std::size_t batch_size = 128;

Images images() {
  const char* folder = std::getenv("LIFELONG_BENCHMARK_DATA");
  return folder == nullptr ? ll::benchmarks::synthetic_images(60000) : ll::io::load_idx(folder).train;
}

template <class Penalty>
auto make_learner(ll::backend::OpenMP backend) {
  auto network = ll::nn::mlp<float>({784, 1024, 512, 256, 10}, {.seed = 1}, backend);
  ll::Learner learner{std::move(network), ll::importance::Fisher{}, Penalty{}, ll::optimizer::Adam{}, backend};
  if constexpr (ll::detail::is_anchored<Penalty>)
    learner.set_importance(ll::AlignedVector<float>(learner.parameters().size(), 1e-3f));
  return learner;
}

/// Seconds of an epoch by part: the three parts of `Learner::fit`, timed one by one.
struct Parts {
  double gather = 0, gradient = 0, step = 0;
};

template <class Learner, class Examples>
Parts time_parts(Learner& learner, const Examples& examples) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point& last) {
    const Clock::time_point before = std::exchange(last, Clock::now());
    return std::chrono::duration<double>(last - before).count();
  };
  std::vector<std::uint32_t> order(examples.size());
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  ll::Random(1, ll::Purpose::shuffle).shuffle(std::span<std::uint32_t>(order));
  ll::AlignedVector<float> gradient(learner.parameters().size());
  ll::BatchBuffer<float> buffer;
  const auto backend = learner.backend();
  Parts parts;
  auto last = Clock::now();
  for (const auto& batch :
       ll::BatchLoader(examples, batch_size, buffer, backend, std::span<const std::uint32_t>(order))) {
    parts.gather += since(last);
    learner.model().gradient(batch, std::span<float>(gradient));
    parts.gradient += since(last);
    learner.step(std::span<const float>(gradient));
    parts.step += since(last);
  }
  return parts;
}

template <class Penalty>
void epoch(benchmark::State& state) {
  const auto examples = ll::Examples<std::uint8_t>(images()).mapped(ll::FeatureMap::rotation(28, 28, 20));
  auto learner = make_learner<Penalty>({static_cast<int>(state.range(0))});
  Parts parts;
  const auto [fit, timed] = ll::benchmarks::best_in_turn(
      state, [&] { learner.fit(examples, {.epochs = 1, .batch_size = batch_size}); },
      [&] { parts = time_parts(learner, examples); });
  const double total = parts.gather + parts.gradient + parts.step;
  state.counters["gather"] = parts.gather / total;
  state.counters["gradient"] = parts.gradient / total;
  state.counters["step"] = parts.step / total;
  state.counters["wall_seconds"] = fit.wall;
  state.counters["processor_seconds"] = fit.processor;
}

constexpr auto threads = [](auto* rows) {  // the type's name differs between versions of the library
  rows->ArgName("threads")->Arg(1)->Arg(2)->Iterations(2)->UseManualTime()->Unit(benchmark::kSecond);
};

BENCHMARK_TEMPLATE(epoch, ll::penalty::None)->Name("adam")->Apply(threads);
BENCHMARK_TEMPLATE(epoch, ll::penalty::Quadratic)->Name("ewc+adam")->Apply(threads);

}  // namespace
