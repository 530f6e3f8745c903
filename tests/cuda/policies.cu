// SPDX-License-Identifier: MIT
// Every policy of the library and its compositions in a CUDA translation unit: learners as host code, and all that they
// do with parameter-sized arrays as device code. This is compiled, not run: the backend here only shows what a device's
// backend has to instantiate. As plain C++ (-x c++) it shows other compilers every policy.
#include <lifelong/conventions.hpp>
#include <lifelong/learners.hpp>
#include <lifelong/lifelong.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ll = lifelong;

namespace cuda_test {

#if defined(__CUDACC__)
template <class T, class Kernel>
__global__ void run_on_device(Kernel kernel, std::size_t count, double* sum) {
  const std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x;
  if (i < count) *sum += static_cast<double>(kernel.template operator()<T>(i));
}
/// A kernel of its own, so that it shows if nvcc and the host's compiler disagree about who sums.
template <class T, class Kernel>
__global__ void call_on_device(Kernel kernel, std::size_t count) {
  const std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x;
  if (i < count) static_cast<void>(kernel.template operator()<T>(i));
}
#endif

template <class T, class Kernel>
void run(const Kernel& kernel, std::size_t count, double* sum) {
#if defined(__CUDACC__)
  run_on_device<T><<<1, 1>>>(kernel, count, sum);
#else
  for (std::size_t i = 0; i < count; ++i) *sum += static_cast<double>(kernel.template operator()<T>(i));
#endif
}

/// A backend as far as compilers look: kernels are launched, memory is the host's.
struct Device {
  template <class T>
  using Array = ll::AlignedVector<T>;

  [[nodiscard]] std::size_t threads() const { return 1; }
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    for (std::size_t i = 0; i < count; ++i) body(i);
  }
  template <class T, class Kernel>
  double sum(std::size_t count, const Kernel& kernel) const {
    double sum = 0;
    run<T>(kernel, count, &sum);
    return sum;
  }
  template <class T, class Kernel>
  T maximum(std::size_t count, const Kernel& kernel) const {
    double sum = 0;
    run<T>(kernel, count, &sum);
    return static_cast<T>(sum);
  }
  template <class T, class Kernel>
  void each([[maybe_unused]] std::size_t first, std::size_t count, const Kernel& kernel) const {
#if defined(__CUDACC__)
    call_on_device<T><<<1, 1>>>(kernel, count);
#else
    for (std::size_t i = first; i < first + count; ++i) static_cast<void>(kernel.template operator()<T>(i));
#endif
  }
  template <class T>
  void copy_in(std::span<const T>, T*) const {}
  template <class T>
  void copy_out(const T*, std::span<T>) const {}
};
static_assert(ll::DeviceBackend<Device>);

/// A model that can do all that an estimator may ask for.
template <class Value>
struct Model {
  using value_type = Value;
  std::vector<Value> theta = std::vector<Value>(10);
  std::span<Value> parameters() { return theta; }
  double gradient(const ll::Batch<Value>&, std::span<Value>) { return 0; }
  [[nodiscard]] std::size_t outputs() const { return 2; }
  void predict(const ll::Batch<Value>&, std::span<Value>) {}
  void pullback(const ll::Batch<Value>&, std::span<const Value>, std::span<Value>) {}
  template <class Functional, class Moment>
  void accumulate_local_moment(const ll::Batch<Value>&, const Functional&, Moment, std::span<Value>) {}
  [[nodiscard]] ll::importance::Categorical loss_function() const { return {}; }
  ll::Layout names;
  [[nodiscard]] const ll::Layout& layout() const { return names; }
  void grow(std::size_t) {}
};

/// All that a learner can do with its arrays.
template <class Value, class Importance, class Penalty, class Optimizer, class Backend>
void use(Importance importance, Penalty penalty, Optimizer optimizer, Backend backend) {
  ll::Learner learner{Model<Value>{}, importance, penalty, optimizer, backend};
  const std::vector<ll::Batch<Value>> task(1);
  std::vector<Value> values(10);
  learner.step(std::span<const Value>(values));
  learner.step(task[0]);
  learner.consolidate(task);
  static_cast<void>(learner.penalty_value());
  learner.copy_parameters(0, values);
  if constexpr (ll::AnchoredPenalty<Penalty>) {
    learner.copy_importance(values);
    learner.set_importance(values);
  }
  if constexpr (requires { learner.update_importance(task); }) learner.update_importance(task);
  learner.restrict_importance(ll::Scope::all().without_heads());
  learner.grow(1);
  learner.reset_optimizer();
}

template <class Importance>
void each_importance(Importance importance) {
  use<float>(importance, ll::penalty::Quadratic{}, ll::optimizer::Momentum{}, Device{});
}
template <class Penalty>
void each_penalty(Penalty penalty) {
  use<float>(ll::importance::Fisher{}, penalty, ll::optimizer::Adam{}, Device{});
  use<float>(ll::importance::Fisher{}, penalty, ll::optimizer::Adam{}, ll::backend::Serial{});
  use<double>(ll::importance::SynapticIntelligence{}, penalty, ll::optimizer::Sgd{}, Device{});
}
template <class Optimizer>
void each_optimizer(Optimizer optimizer) {
  use<float>(ll::importance::RWalk{}, ll::penalty::ImplicitQuadratic{}, optimizer, Device{});
}

inline void all() {
  using namespace ll::importance;
  each_importance(Fisher{});
  each_importance(BatchFisher{});
  each_importance(GaussianFisher{});
  each_importance(BernoulliFisher{});
  each_importance(Mas{});
  each_importance(LocalMas{});
  each_importance(BatchMas{});
  each_importance(Scp{});
  each_importance(ScpLimit{});
  each_importance(GaussNewton{});
  each_importance(ReversedFisher{});
  each_importance(SynapticIntelligence{});
  each_importance(RWalk{});
  each_importance(IntervalRWalk{});
  each_importance(Constant{});
  each_importance(Normalized<Fisher>{});
  each_importance(WeightedSum<Fisher, Mas>{});
  each_importance(WeightedSum<Fisher, SynapticIntelligence>{});
  each_importance(WeightedSum<RWalk, Mas>{});

  namespace convention = ll::convention;
  each_importance(convention::agem::ewc(1).importance);
  each_importance(convention::agem::rwalk(1).importance);
  each_importance(convention::avalanche::si(1).importance);
  each_importance(convention::avalanche::rwalk(1).importance);
  each_importance(convention::facil::rwalk().importance);
  each_importance(convention::gem::ewc(1).importance);
  each_importance(convention::gmvdv::ewc(1).importance);
  each_importance(convention::hw14::ewc().importance);
  each_importance(convention::hw14::si().importance);
  each_importance(convention::hw14::scp().importance);

  each_penalty(ll::penalty::None{});
  each_penalty(ll::penalty::Quadratic{});
  each_penalty(ll::penalty::ImplicitQuadratic{});
  each_penalty(ll::penalty::Huber{});
  each_penalty(ll::penalty::L1{});
  each_penalty(ll::penalty::PackNet{});
  each_penalty(ll::penalty::Frozen<ll::penalty::ImplicitQuadratic>{});
  each_penalty(ll::compact(ll::penalty::Quadratic{}));
  each_penalty(ll::compact(ll::penalty::ImplicitQuadratic{}));

  each_optimizer(ll::optimizer::Sgd{});
  each_optimizer(ll::optimizer::Momentum{});
  each_optimizer(ll::optimizer::Adam{});
  each_optimizer(ll::optimizer::AdamW{});
  each_optimizer(ll::compact(ll::optimizer::Adam{}));
  each_optimizer(ll::compact(ll::optimizer::Momentum{}));
  each_optimizer(ll::optimizer::L2<ll::optimizer::Momentum>{});
  each_optimizer(ll::optimizer::Decoupled<ll::optimizer::Adam>{});
}

}  // namespace cuda_test

int main() { cuda_test::all(); }
