// SPDX-License-Identifier: MIT
// Every part of a learner of one's own, each as small as it can be: what docs/concepts.md shows.
#include <lifelong/lifelong.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <thread>
#include <vector>

namespace ll = lifelong;

// [model]
/// f(x) = θ · x for two inputs, loss ½ (f - y)².
struct Line {
  using value_type = float;
  std::vector<float> theta = {0, 0};

  std::span<float> parameters() { return theta; }

  /// Overwrites `out` with the gradient of the batch's mean loss, and returns the loss.
  double gradient(const ll::Batch<float>& batch, std::span<float> out) const {
    double loss = 0;
    out[0] = out[1] = 0;
    for (std::size_t n = 0; n < batch.size; ++n) {
      const float error = f(batch, n) - batch.targets[n];
      for (std::size_t i = 0; i < 2; ++i) out[i] += error * batch.inputs[2 * n + i] / static_cast<float>(batch.size);
      loss += 0.5 * static_cast<double>(error * error) / static_cast<double>(batch.size);
    }
    return loss;
  }
  // [model]

  // [outputs]
  std::size_t outputs() const { return 1; }

  /// Writes f(x) of every sample.
  void predict(const ll::Batch<float>& batch, std::span<float> out) const {
    for (std::size_t n = 0; n < batch.size; ++n) out[n] = f(batch, n);
  }

  /// Overwrites `out` with Σ_n v_n ∂f(x_n)/∂θ, v the cotangents.
  void pullback(const ll::Batch<float>& batch, std::span<const float> cotangents, std::span<float> out) const {
    out[0] = out[1] = 0;
    for (std::size_t n = 0; n < batch.size; ++n)
      for (std::size_t i = 0; i < 2; ++i) out[i] += cotangents[n] * batch.inputs[2 * n + i];
  }
  // [outputs]

 private:
  float f(const ll::Batch<float>& batch, std::size_t n) const {
    return theta[0] * batch.inputs[2 * n] + theta[1] * batch.inputs[2 * n + 1];
  }
};

// [optimizer]
/// θ_i ← θ_i - η sign(g_i).
struct SignDescent {
  double learning_rate = 0.01;

  void validate() const {}  // throws if a setting is wrong

  template <class T>
  struct Kernel {
    T rate;

    template <class V>
    V step(std::size_t, V theta, V gradient) const {
      const V down = ll::where_positive(gradient, V(rate), V(T(0)));
      return theta - ll::where_positive(-gradient, V(-rate), down);
    }
  };

  template <class T>
  Kernel<T> kernel(std::array<T*, 0>, std::uint64_t /* step number, from 1 */) const {
    return {static_cast<T>(learning_rate)};
  }
};
// [optimizer]

// [penalty]
/// λ/2 Σ_i Ω_i (θ_i - θ*_i)².
struct Springs {
  double strength = 1;

  static constexpr std::array<const char*, 2> arrays{"importance", "anchor"};           // the learner keeps them
  static constexpr ll::penalty::AnchoredArrays anchored{.importance = 0, .anchor = 1};  // which is which

  void validate() const {}

  template <class T>
  struct Kernel {
    T *importance, *anchor;
    T strength;

    template <class V>
    ll::penalty::Term<V> term(std::size_t i, V theta) const {
      const V move = theta - ll::load<V>(anchor, i), force = V(strength) * ll::load<V>(importance, i) * move;
      return {V(T(0.5)) * force * move, force};  // value and gradient
    }

    /// A task has ended at θ, and this was its importance.
    template <class V>
    V absorb(std::size_t i, V theta, V contribution, const ll::penalty::Absorption<V>& how) const {
      ll::store(importance, i, how.keep * ll::load<V>(importance, i) + how.add * contribution);
      ll::store(anchor, i, theta);
      return V(T(0));
    }
  };

  template <class T>
  Kernel<T> kernel(std::array<T*, 2> p) const {
    return {p[0], p[1], static_cast<T>(strength)};
  }
};
// [penalty]

// [importance]
/// Ω_i = 1/N Σ_n (∂f(x_n)/∂θ_i)², one sample at a time.
struct Slopes {
  ll::importance::Merge merge = ll::importance::Merge::sum();  // how tasks add up

  void validate() const { merge.validate(); }

  /// Adds the samples of one batch. When all batches of the task are in, the learner makes the mean over samples.
  template <class Model, class Batch, class Estimation>
  void estimate(Model& model, const Batch& batch, Estimation& estimation) const {
    const std::array<float, 1> one{1};
    for (std::size_t n = 0; n < batch.size; ++n)
      estimation.add_gradient([&](auto slope) { model.pullback(batch.sample(n), one, slope); }, ll::moment::Square{});
  }
};
// [importance]

// [path]
/// Ω_i = the way that θ_i went while the task was learned.
struct Mileage {
  ll::importance::Merge merge = ll::importance::Merge::sum();

  static constexpr std::array<const char*, 1> arrays{"way"};

  void validate() const { merge.validate(); }

  template <class T>
  struct Kernel {
    T* way;

    /// Sees every step, inside the one pass over the parameters.
    template <class V>
    void observe(std::size_t i, V /* gradient */, V /* of the penalty */, V before, V after) const {
      ll::store(way, i, ll::load<V>(way, i) + ll::abs(after - before));
    }
    /// The importance of the task that ends.
    template <class V>
    V contribution(std::size_t i, V /* theta */, V /* estimate, if there is one */) const {
      return ll::load<V>(way, i);
    }
    /// The next task begins.
    template <class V>
    void restart(std::size_t i, V /* theta */, V /* contribution */) const {
      ll::store(way, i, V(T(0)));
    }
  };

  template <class T>
  Kernel<T> kernel(std::array<T*, 1> p, const ll::Clock& /* step of the task, tasks so far */) const {
    return {p[0]};
  }
};
// [path]

// [structured]
/// λ/2 (v · (θ - θ*))², v the mean slope of the outputs: only moves along v cost anything. The last task's alone.
struct OneDirection {
  double strength = 1;

  /// What the learner keeps for it. As long as v is 0, no move costs anything.
  template <class T>
  struct State {
    std::vector<T> direction, anchor;

    void resize(std::size_t parameters) {  // when the learner is made, and when its model grows
      direction.resize(parameters);
      anchor.resize(parameters);
    }
    std::size_t bytes() const { return (direction.size() + anchor.size()) * sizeof(T); }

    /// Shows all of it: what a checkpoint saves and restores.
    template <class Array, class Number>
    void visit(const Array& array, const Number&) {
      array("direction", direction);
      array("anchor", anchor);
    }
  };

  void validate() const {}

  /// Overwrites `out`, returns the penalty's value.
  template <class T, class Backend>
  double gradient(State<T>& state, const Backend&, std::span<const T> theta, std::span<T> out) const {
    T along = 0;
    for (std::size_t i = 0; i < theta.size(); ++i) along += state.direction[i] * (theta[i] - state.anchor[i]);
    for (std::size_t i = 0; i < theta.size(); ++i) out[i] = static_cast<T>(strength) * along * state.direction[i];
    return strength / 2 * static_cast<double>(along * along);
  }

  /// A task has ended at θ, and this is what its importance estimated.
  template <class T>
  void absorb(State<T>& state, const std::vector<T>& estimate, std::span<const T> theta,
              const ll::importance::MergeWeights&) const {
    state = {estimate, {theta.begin(), theta.end()}};
  }
};

/// Estimates v for it.
struct MeanSlope {
  ll::importance::Merge merge = ll::importance::Merge::last();

  template <class T>
  using Estimate = std::vector<T>;

  void validate() const {}

  template <class Model, class Batch, class Estimation>
  void estimate(Model& model, const Batch& batch, Estimation& estimation) const {
    const std::vector<float> ones(batch.size, 1);
    estimation.add_gradient([&](auto sum) { model.pullback(batch, ones, sum); }, ll::moment::Sum{}, batch.size);
  }

  /// Makes of the sum what the penalty is given.
  template <class Estimation>
  auto finish(Estimation& estimation) const {
    estimation.mean();
    const auto values = estimation.values();
    return std::vector(values.begin(), values.end());
  }
};
// [structured]

// [backend]
/// So many threads, made anew for every loop.
struct Threads {
  std::size_t thread_count = 2;

  std::size_t threads() const { return thread_count; }

  /// Calls body(0) ... body(count - 1), in any order. The calls write to separate places.
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) const {
    std::vector<std::thread> workers;
    for (std::size_t first = 0; first < thread_count; ++first)
      workers.emplace_back([&, first] {
        for (std::size_t i = first; i < count; i += thread_count) body(i);
      });
    for (std::thread& worker : workers) worker.join();
  }
};
// [backend]

// [rehearsal]
/// Each step learns from its batch and, with the same weight, from the last batch of the task before.
struct OldBatch {
  template <class Model>
  struct State {  // the learner keeps it
    std::size_t features = 0;
    std::vector<float> inputs, targets;          // of the present task's last batch
    std::vector<float> old_inputs, old_targets;  // of the task before

    void resize(std::size_t) {}  // nothing here is as long as the parameters
    std::size_t bytes() const {
      return (inputs.size() + targets.size() + old_inputs.size() + old_targets.size()) * sizeof(float);
    }
    template <class Array, class Number>
    void visit(const Array& array, const Number& number) {
      number("features", features);
      array("inputs", inputs);
      array("targets", targets);
      array("old_inputs", old_inputs);
      array("old_targets", old_targets);
    }
  };

  void validate() const {}

  /// Overwrites `out` with the gradient that the step takes, and returns the loss.
  template <class Model, class Backend>
  double gradient(State<Model>& state, const Backend&, Model& model, const ll::Batch<float>& batch,
                  std::span<float> out) const {
    const double loss = model.gradient(batch, out);
    if (state.old_targets.empty()) return loss;

    std::vector<float> old(out.size());
    const double old_loss = model.gradient({.size = state.old_targets.size(),
                                            .features = state.features,
                                            .inputs = state.old_inputs,
                                            .targets = state.old_targets},
                                           old);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (out[i] + old[i]) / 2;
    return (loss + old_loss) / 2;
  }

  /// Remembers a batch, after the step on it was taken. A step that is refused leaves no trace.
  template <class Model>
  void keep(State<Model>& state, Model&, const ll::Batch<float>& batch) const {
    state.features = batch.features;
    state.inputs.assign(batch.inputs.begin(), batch.inputs.end());
    state.targets.assign(batch.targets.begin(), batch.targets.end());
  }

  template <class Model>
  void end_task(State<Model>& state, Model&) const {
    state.old_inputs = state.inputs;
    state.old_targets = state.targets;
  }
};
// [rehearsal]

// [examples]
/// A hundred examples that are made when they are read: inputs (a t, b t), target y t, for t from 0 to 1.
struct Ray {
  float a, b, y;

  std::size_t size() const { return 100; }
  std::size_t features() const { return 2; }
  std::size_t targets() const { return 1; }  // 0: class labels

  template <class T>
  void read(std::size_t i, ll::ExampleRow<T> row) const {
    const T t = static_cast<T>(i) / 100;
    row.inputs[0] = static_cast<T>(a) * t;
    row.inputs[1] = static_cast<T>(b) * t;
    row.targets[0] = static_cast<T>(y) * t;
  }
};
// [examples]

/// Learns θ₀ = 2 and then θ₀ + θ₁ = 1. Returns whether both are known at the end.
template <class Importance, class Penalty, class Optimizer, class... Further>
bool learns_both(const char* name, Importance importance, Penalty penalty, Optimizer optimizer, Further... further) {
  ll::Learner learner{Line{}, importance, penalty, optimizer, Threads{2}, further...};
  for (const Ray& task : {Ray{1, 0, 2}, Ray{1, 1, 1}}) {
    learner.fit(task, {.epochs = 200, .batch_size = 20});
    learner.consolidate(task);
  }
  const auto theta = learner.parameters();
  std::printf("%-14s %.2f %.2f\n", name, static_cast<double>(theta[0]), static_cast<double>(theta[1]));
  return std::abs(theta[0] - 2) < 0.1f && std::abs(theta[1] + 1) < 0.1f;
}

int main() {
  const ll::optimizer::Sgd sgd{.learning_rate = 0.3};
  const bool forgets = !learns_both("nothing", Slopes{}, Springs{.strength = 0}, sgd);
  const bool sign = learns_both("sign descent", Slopes{}, Springs{.strength = 10}, SignDescent{.learning_rate = 0.003});
  const bool mileage = learns_both("mileage", Mileage{}, Springs{}, sgd);
  const bool structured = learns_both("one direction", MeanSlope{}, OneDirection{}, sgd);
  const bool rehearsal = learns_both("old batch", ll::importance::Constant{}, ll::penalty::None{}, sgd, OldBatch{});
  return forgets && sign && mileage && structured && rehearsal ? 0 : 1;
}
