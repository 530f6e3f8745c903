// SPDX-License-Identifier: MIT
// What the concepts accept, by an archetype each, and what they refuse, by one near-miss per requirement.
#include <lifelong/core/criterion.hpp>
#include <lifelong/lifelong.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

namespace ll = lifelong;

namespace archetype {

struct Model {
  using value_type = float;
  std::span<float> parameters();
  double gradient(const ll::Batch<float>&, std::span<float>);
};
struct Optimizer {
  struct Kernel {
    template <class V>
    V step(std::size_t, V theta, V gradient) const;
  };
  void validate() const;
  template <class T>
  Kernel kernel(std::array<T*, 0>, std::uint64_t) const;
};
struct Penalty {
  struct Kernel {
    template <class V>
    ll::penalty::Term<V> term(std::size_t, V theta) const;
    template <class V>
    V absorb(std::size_t, V theta, V contribution, const ll::penalty::Absorption<V>&) const;
  };
  void validate() const;
  template <class T>
  Kernel kernel(std::array<T*, 0>) const;
};
struct Importance {
  ll::importance::Merge merge = ll::importance::Merge::sum();
  void validate() const;
  template <class M, class B, class E>
  void estimate(M&, const B&, E&) const;
};
struct Examples {
  std::size_t size() const;
  std::size_t features() const;
  std::size_t targets() const;
  template <class T>
  void read(std::size_t, ll::ExampleRow<T>) const;
};
struct Functional {
  std::size_t cotangents(std::size_t) const;
  template <class T>
  void prepare(std::span<T>, const ll::SampleContext<T>&) const;
  template <class T>
  void cotangent(std::size_t, std::span<const T>, const ll::SampleContext<T>&, std::span<T>) const;
};
struct Criterion {
  double share(std::size_t) const;
  double term(std::size_t, std::span<const float>, const ll::SampleContext<float>&, std::span<float>) const;
};
struct CriterionModel : Model {
  using Model::gradient;
  template <class C>
  double gradient(const ll::Batch<float>&, const C&, std::span<float>);
};
struct Backend {
  std::size_t threads() const;
  template <class Task>
  void parallel_for(std::size_t, Task&&) const;
};

}  // namespace archetype

static_assert(ll::DifferentiableModel<archetype::Model>);
static_assert(ll::OptimizerPolicy<archetype::Optimizer>);
static_assert(ll::PenaltyPolicy<archetype::Penalty>);
static_assert(ll::ImportancePolicy<archetype::Importance>);
static_assert(ll::ExampleSource<archetype::Examples, float>);
static_assert(ll::OutputFunctional<archetype::Functional>);
static_assert(ll::ExecutionBackend<archetype::Backend>);
static_assert(ll::Criterion<archetype::Criterion> && ll::Criterion<ll::OwnLoss, double>);
static_assert(ll::CriterionModel<archetype::CriterionModel, archetype::Criterion>);
static_assert(requires {
  typename ll::Learner<archetype::Model, archetype::Importance, archetype::Penalty, archetype::Optimizer>;
});

namespace near_miss {

struct NoValueType {
  std::span<float> parameters();
  double gradient(const ll::Batch<float>&, std::span<float>);
};
struct NoParameters {
  using value_type = float;
  double gradient(const ll::Batch<float>&, std::span<float>);
};
struct ConstParameters {
  using value_type = float;
  std::span<const float> parameters();
  double gradient(const ll::Batch<float>&, std::span<float>);
};
struct NoLoss {
  using value_type = float;
  std::span<float> parameters();
  void gradient(const ll::Batch<float>&, std::span<float>);
};
struct NoValidate {
  archetype::Optimizer::Kernel kernel(std::array<float*, 0>, std::uint64_t) const;
};
struct WrongArrays : archetype::Optimizer {  // asks for one array, takes none
  static constexpr std::array<const char*, 1> arrays{"velocity"};
};
struct NoAbsorb {
  struct Kernel {
    template <class V>
    ll::penalty::Term<V> term(std::size_t, V) const;
  };
  void validate() const;
  template <class T>
  Kernel kernel(std::array<T*, 0>) const;
};
struct NoMerge {
  void validate() const;
};
struct NoRead {
  std::size_t size() const;
  std::size_t features() const;
  std::size_t targets() const;
};
struct NoSeed {
  std::size_t cotangents(std::size_t) const;
  template <class T>
  void prepare(std::span<T>, const ll::SampleContext<T>&) const;
};
struct NoParallelFor {
  std::size_t threads() const;
};
struct NoShare {
  double term(std::size_t, std::span<const float>, const ll::SampleContext<float>&, std::span<float>) const;
};
struct NoTerm {
  double share(std::size_t) const;
};

}  // namespace near_miss

static_assert(!ll::DifferentiableModel<near_miss::NoParameters>);
static_assert(!ll::DifferentiableModel<near_miss::ConstParameters>);
static_assert(!ll::DifferentiableModel<near_miss::NoLoss>);
static_assert(ll::ParameterModel<near_miss::NoLoss>, "its steps can be given their gradients");
static_assert(!ll::ParameterModel<near_miss::NoParameters>);
static_assert(!ll::DifferentiableModel<near_miss::NoValueType, ll::Batch<float>>);
static_assert(!ll::OptimizerPolicy<near_miss::NoValidate>);
static_assert(!ll::OptimizerPolicy<near_miss::WrongArrays>);
static_assert(!ll::PenaltyPolicy<near_miss::NoAbsorb>);
static_assert(!ll::PenaltyPolicy<archetype::Optimizer>);
static_assert(!ll::ImportancePolicy<near_miss::NoMerge>);
static_assert(!ll::ExampleSource<near_miss::NoRead, float>);
static_assert(!ll::OutputFunctional<near_miss::NoSeed>);
static_assert(!ll::ExecutionBackend<near_miss::NoParallelFor>);
static_assert(!ll::Criterion<near_miss::NoShare> && !ll::Criterion<near_miss::NoTerm>);
static_assert(!ll::CriterionModel<archetype::Model, archetype::Criterion>);

// The policies of the library are what their concepts say, and only Synaptic Intelligence looks at every step.
static_assert(ll::ImportancePolicy<ll::importance::Fisher> && !ll::PathImportance<ll::importance::Fisher>);
static_assert(ll::ImportancePolicy<ll::importance::BatchFisher> && ll::ImportancePolicy<ll::importance::Mas>);
static_assert(ll::ImportancePolicy<ll::importance::Scp> && ll::ImportancePolicy<ll::importance::ScpLimit>);
static_assert(ll::ImportancePolicy<ll::importance::ReversedFisher> && ll::ImportancePolicy<ll::importance::BatchMas>);
static_assert(ll::ImportancePolicy<ll::importance::GaussNewton> &&
              ll::ImportancePolicy<ll::importance::GaussianFisher>);
static_assert(ll::ImportancePolicy<ll::importance::Constant> && !ll::PathImportance<ll::importance::Constant>);
static_assert(ll::PathImportance<ll::importance::SynapticIntelligence>);
static_assert(ll::OutputFunctional<ll::importance::LogLikelihood> && ll::OutputFunctional<ll::importance::SquaredNorm>);
static_assert(ll::PenaltyPolicy<ll::penalty::Quadratic> && ll::PenaltyPolicy<ll::penalty::None>);
static_assert(ll::PenaltyPolicy<ll::penalty::Huber> && ll::PenaltyPolicy<ll::penalty::L1>);
static_assert(ll::PenaltyPolicy<ll::penalty::ImplicitQuadratic>);
static_assert(ll::OptimizerPolicy<ll::optimizer::Sgd> && ll::OptimizerPolicy<ll::optimizer::Momentum> &&
              ll::OptimizerPolicy<ll::optimizer::Adam> && ll::OptimizerPolicy<ll::optimizer::AdamW>);
// The implicit penalty is told from the explicit ones, and every optimizer of the library can take it.
static_assert(ll::ImplicitPenalty<ll::penalty::ImplicitQuadratic>);
static_assert(!ll::ImplicitPenalty<ll::penalty::Quadratic> && !ll::ImplicitPenalty<ll::penalty::None>);
static_assert(!ll::ImplicitPenalty<ll::penalty::Huber> && !ll::ImplicitPenalty<ll::penalty::L1>);
static_assert(ll::detail::has_rate<ll::optimizer::Sgd> && ll::detail::has_rate<ll::optimizer::Momentum> &&
              ll::detail::has_rate<ll::optimizer::Adam> && ll::detail::has_rate<ll::optimizer::AdamW>);
static_assert(!ll::detail::has_rate<archetype::Optimizer>);  // it is an extra
static_assert(std::is_trivially_copyable_v<ll::penalty::ImplicitQuadratic::Kernel<float>> &&
              std::is_trivially_copyable_v<ll::penalty::Huber::Kernel<double>> &&
              std::is_trivially_copyable_v<ll::penalty::L1::Kernel<float>>);
static_assert(ll::ExampleSource<ll::RecentExamples<float>, float>);

// A compact policy is one of the same kind, with a kernel as plain.
static_assert(ll::Compactable<ll::penalty::Quadratic> && ll::Compactable<ll::optimizer::Momentum>);
static_assert(!ll::Compactable<ll::optimizer::Sgd> && !ll::Compactable<ll::penalty::None> &&
              !ll::Compactable<archetype::Optimizer> && !ll::Compactable<ll::importance::SynapticIntelligence>);
static_assert(ll::ImplicitPenalty<ll::Compact<ll::penalty::ImplicitQuadratic>> &&
              ll::ElementwisePenalty<ll::Compact<ll::penalty::Huber>> &&
              ll::ElementwisePenalty<ll::Compact<ll::penalty::L1>>);
static_assert(ll::OptimizerPolicy<ll::Compact<ll::optimizer::AdamW>> &&
              ll::detail::has_rate<ll::Compact<ll::optimizer::Momentum>>);
static_assert(std::is_trivially_copyable_v<ll::penalty::Quadratic::Kernel<float, ll::Bfloat16>> &&
              std::is_trivially_copyable_v<ll::Bfloat16>);

// Ω can be renewed from data where data alone make it, and there is a penalty that keeps it.
template <class Importance, class Penalty>
concept updates = requires(ll::Learner<archetype::Model, Importance, Penalty, ll::optimizer::Sgd> learner,
                           ll::RecentExamples<float> examples) {
  learner.update_importance(examples);
};
static_assert(updates<archetype::Importance, ll::penalty::Quadratic> &&
              updates<archetype::Importance, ll::penalty::Huber>);
static_assert(!updates<archetype::Importance, ll::penalty::None>);
static_assert(!updates<ll::importance::SynapticIntelligence, ll::penalty::Quadratic>);
static_assert(!updates<ll::importance::RWalk, ll::penalty::Quadratic>);

static_assert(ll::ExampleSource<ll::Dataset<std::uint8_t>, float> && ll::ExampleSource<ll::Examples<float>, double> &&
              ll::ExampleSource<ll::Joined<std::uint8_t>, float>);
static_assert(ll::ExecutionBackend<ll::backend::Serial>);
