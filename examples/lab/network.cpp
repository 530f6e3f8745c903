// SPDX-License-Identifier: MIT
#include "network.hpp"

#include <lifelong/core/moment.hpp>
#include <lifelong/nn/kronecker/sites.hpp>
#include <type_traits>
#include <utility>

namespace lab {

namespace {

namespace nn = lifelong::nn;
namespace moment = lifelong::moment;
using lifelong::SampleContext;

/// What a network takes for a functional.
struct Functional {
  const AnyFunctional& any;

  [[nodiscard]] std::size_t cotangents(std::size_t outputs) const { return any.cotangents(outputs); }
  void prepare(std::span<float> row, const SampleContext<float>& sample) const { any.prepare(row, sample); }
  void cotangent(std::size_t k, std::span<const float> row, const SampleContext<float>& sample,
                 std::span<float> delta) const {
    any.cotangent(k, row, sample, delta);
  }
};

struct Criterion {
  const AnyCriterion& any;

  [[nodiscard]] double share(std::size_t n) const { return any.share(n); }
  double term(std::size_t n, std::span<const float> outputs, const SampleContext<float>& sample,
              std::span<float> cotangent) const {
    return any.term(n, outputs, sample, cotangent);
  }
};

struct Hook {
  const AnyHook& any;

  template <class L>
  void operator()(std::size_t l, const L& layer, const nn::Flow<float>& flow, nn::Rows<const float> x,
                  nn::Rows<const float> dy) const {
    constexpr bool known = std::is_same_v<L, nn::Linear> || std::is_same_v<L, nn::Conv2d>;
    static_assert(known || !nn::detail::makes_outer_products<L, float, lifelong::backend::OpenMP>,
                  "AnyHook lacks a layer that has Kronecker factors");
    if constexpr (known) any.call(l, layer, flow, x, dy);
  }
};

}  // namespace

Network::Network(nn::Shape input, std::vector<Layer> layers, std::uint64_t seed, lifelong::backend::OpenMP backend)
    : Base(input, std::move(layers), seed, backend) {}

double Network::gradient(const Batch& batch, std::span<float> out) { return Base::gradient(batch, out); }
double Network::evaluation_gradient(const Batch& batch, std::span<float> out) {
  return Base::evaluation_gradient(batch, out);
}
double Network::loss(const Batch& batch) { return Base::loss(batch); }
void Network::predict(const Batch& batch, std::span<float> out) { Base::predict(batch, out); }
void Network::predict_features(const Batch& batch, std::span<float> out) { Base::predict_features(batch, out); }
void Network::pullback(const Batch& batch, std::span<const float> cotangents, std::span<float> out) {
  Base::pullback(batch, cotangents, out);
}

double Network::gradient_of(const Batch& batch, const AnyCriterion& criterion, std::span<float> out) {
  return Base::gradient(batch, Criterion{criterion}, out);
}
template <class Moment>
void Network::accumulate(const Batch& batch, const AnyFunctional& functional, std::span<float> out) {
  Base::accumulate_moment(batch, Functional{functional}, Moment{}, out);
}
template void Network::accumulate<moment::Sum>(const Batch&, const AnyFunctional&, std::span<float>);
template void Network::accumulate<moment::Square>(const Batch&, const AnyFunctional&, std::span<float>);
template void Network::accumulate<moment::Absolute>(const Batch&, const AnyFunctional&, std::span<float>);

void Network::backpropagate_to(const Batch& batch, const AnyFunctional& functional, const AnyHook& hook) {
  Base::backpropagate(batch, Functional{functional}, Hook{hook});
}

}  // namespace lab
