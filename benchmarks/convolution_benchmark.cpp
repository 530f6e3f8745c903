// Exact per-sample importances of a convolution's weights against the plain gradient, one thread: the product over all
// positions of all samples as Eigen does it.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/shared_product.hpp>

#include "in_turn.hpp"

namespace {

namespace ll = lifelong;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix normals(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  const ll::Random random(seed);
  Matrix values(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
  for (std::size_t i = 0; i < rows * columns; ++i) values.data()[i] = static_cast<float>(random.normal(i));
  return values;
}

/// Arguments: samples, positions, output channels, and what a window sees. The deltas lie as the layer has them,
/// channels before positions; the images are unfolded.
void importance(benchmark::State& state) {
  const auto argument = [&](std::size_t k) { return static_cast<std::size_t>(state.range(k)); };
  const std::size_t samples = argument(0), positions = argument(1), out = argument(2), in = argument(3);
  const Matrix d = normals(samples * positions, out, 1), x = normals(samples * positions, in, 2);
  const Matrix unfolded = x.transpose();
  ll::AlignedVector<float> deltas(samples * positions * out), scratch;
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t t = 0; t < positions; ++t)
        deltas[(n * out + o) * positions + t] = d.data()[(n * positions + t) * out + o];
  Matrix gradient = d.transpose() * x, values = gradient;

  const auto plain = [&] { gradient.noalias() = d.transpose() * x; };
  const auto exact = [&](auto moment) {
    return [&, moment] {
      ll::nn::shared_product(ll::backend::Serial{}, moment, samples, positions,
                             ll::nn::Positions<float>{unfolded.data(), in, positions, 1, samples * positions},
                             ll::nn::Positions<float>{deltas.data(), out, out * positions, 1, positions}, false,
                             ll::nn::Elements<float>{values.data(), 1, in}, scratch);
    };
  };
  const auto [product, fisher, mas, sum] = ll::benchmarks::best_in_turn(
      state, plain, exact(ll::moment::Square{}), exact(ll::moment::Absolute{}), exact(ll::moment::Sum{}));
  if (!values.isApprox(gradient, 1e-3f)) state.SkipWithError("the gradients differ");
  state.counters["fisher/gradient"] = fisher.processor / product.processor;
  state.counters["mas/gradient"] = mas.processor / product.processor;
  state.counters["own_gradient/gradient"] = sum.processor / product.processor;
}

BENCHMARK(importance)
    ->ArgNames({"samples", "positions", "out", "in"})
    ->Args({256, 4, 64, 576})
    ->Args({128, 16, 64, 576})
    ->Args({64, 64, 64, 576})
    ->Args({16, 256, 64, 576})
    ->Args({64, 16, 256, 2304})
    ->Iterations(20)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
