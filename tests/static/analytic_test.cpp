// SPDX-License-Identifier: MIT
// What lies before an exact head, and what such a head is: an archetype, and one near-miss per requirement.
#include <lifelong/analytic/random_features.hpp>
#include <lifelong/analytic/random_filters.hpp>
#include <lifelong/analytic/ridge.hpp>
#include <lifelong/analytic/slda.hpp>
#include <lifelong/analytic/trunk.hpp>
#include <lifelong/core/model.hpp>
#include <lifelong/io/state.hpp>

#include <cstddef>
#include <span>

namespace ll = lifelong;
using ll::analytic::Trunk;

namespace archetype {

struct Trunk {
  using value_type = float;
  std::size_t inputs();
  std::size_t outputs();
  void predict(const ll::Batch<float>&, std::span<float>);
};
struct State {
  template <class Array, class Number>
  void visit(const Array&, const Number&);
};

}  // namespace archetype

namespace near_miss {

struct NoValueType {
  std::size_t inputs();
  std::size_t outputs();
  void predict(const ll::Batch<float>&, std::span<float>);
};
struct NoInputs {
  using value_type = float;
  std::size_t outputs();
  void predict(const ll::Batch<float>&, std::span<float>);
};
struct NoOutputs {
  using value_type = float;
  std::size_t inputs();
  void predict(const ll::Batch<float>&, std::span<float>);
};
struct NoPredict {
  using value_type = float;
  std::size_t inputs();
  std::size_t outputs();
};
struct OneVisitor {
  template <class Array>
  void visit(const Array&);
};

}  // namespace near_miss

static_assert(Trunk<archetype::Trunk>);
static_assert(!Trunk<near_miss::NoValueType> && !Trunk<near_miss::NoInputs>);
static_assert(!Trunk<near_miss::NoOutputs> && !Trunk<near_miss::NoPredict>);
static_assert(ll::io::VisitedState<archetype::State> && !ll::io::VisitedState<near_miss::OneVisitor>);

static_assert(Trunk<ll::analytic::Identity<double>> && Trunk<ll::analytic::RandomFeatures<float>> &&
              Trunk<ll::analytic::RandomFilters<float>>);

// A head is a model that is measured, saved, and put on another head's outputs.
using Ridge = ll::analytic::Ridge<archetype::Trunk>;
using Slda = ll::analytic::Slda<archetype::Trunk>;
static_assert(ll::PredictiveModel<Ridge> && ll::io::VisitedState<Ridge> && Trunk<Ridge>);
static_assert(ll::PredictiveModel<Slda> && ll::io::VisitedState<Slda> && Trunk<Slda>);
