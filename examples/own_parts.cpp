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

  /// Overwrites `out` with Σ_n seed_n ∂f(x_n)/∂θ.
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

  static constexpr std::array<const char*, 2> arrays{"importance", "anchor"};  // the learner keeps them, 0 at first

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
/// Ω_i = 1/N Σ_n (∂f(x_n)/∂θ_i)², by the model's own gradient of a batch of one.
struct Slopes {
  ll::importance::Merge merge = ll::importance::Merge::sum();  // how tasks add up

  void validate() const { merge.validate(); }

  template <class Model, class Batches>
  void estimate(Model& model, Batches&& batches, std::span<typename Model::value_type> out) const {
    using T = typename Model::value_type;
    std::vector<T> slope(out.size());
    const T seed = 1;
    std::size_t samples = 0;
    for (T& value : out) value = 0;
    for (const ll::Batch<T>& batch : batches)
      for (std::size_t n = 0; n < batch.size; ++n, ++samples) {
        model.pullback(batch.sample(n), std::span(&seed, 1), slope);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] += slope[i] * slope[i];
      }
    for (T& value : out) value /= static_cast<T>(samples);
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
    void observe(std::size_t i, V /* gradient */, V before, V after) const {
      ll::store(way, i, ll::load<V>(way, i) + ll::abs(after - before));
    }
    /// The importance of the task that ends.
    template <class V>
    V contribution(std::size_t i, V /* theta */, V /* estimate, if there is one */) const {
      return ll::load<V>(way, i);
    }
    template <class V>
    void restart(std::size_t i, V /* theta */) const {
      ll::store(way, i, V(T(0)));
    }
  };

  template <class T>
  Kernel<T> kernel(std::array<T*, 1> p) const {
    return {p[0]};
  }
};
// [path]

// [structured]
/// λ/2 (v · (θ - θ*))², v the mean slope of the outputs: only moves along v cost anything. The last task's alone.
struct OneDirection {
  double strength = 1;

  template <class T>
  struct State {  // the learner keeps it; as made by default, it costs nothing
    std::vector<T> direction, anchor;
    std::size_t bytes() const { return (direction.size() + anchor.size()) * sizeof(T); }
  };

  void validate() const {}

  /// Overwrites `out`, returns the penalty's value.
  template <class T, class Backend>
  double gradient(State<T>& state, const Backend&, std::span<const T> theta, std::span<T> out) const {
    T along = 0;
    for (T& value : out) value = 0;
    for (std::size_t i = 0; i < state.anchor.size(); ++i) along += state.direction[i] * (theta[i] - state.anchor[i]);
    for (std::size_t i = 0; i < state.anchor.size(); ++i)
      out[i] = static_cast<T>(strength) * along * state.direction[i];
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

  template <class Model, class Batches, class T = typename Model::value_type>
  void estimate(Model& model, Batches&& batches, Estimate<T>& out) const {
    out.assign(model.parameters().size(), T(0));
    std::vector<T> sum(out.size());
    std::size_t samples = 0;
    for (const ll::Batch<T>& batch : batches) {
      model.pullback(batch, std::vector<T>(batch.size, T(1)), sum);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += sum[i];
      samples += batch.size;
    }
    for (T& value : out) value /= static_cast<T>(samples);
  }
};
// [structured]

// [backend]
/// So many threads, made anew for every loop.
struct Threads {
  std::size_t count = 2;

  std::size_t threads() const { return count; }

  /// Calls task(0) ... task(size - 1), in any order; the tasks do not touch each other's data.
  template <class Task>
  void parallel_for(std::size_t size, Task&& task) const {
    std::vector<std::thread> workers;
    for (std::size_t first = 0; first < count; ++first)
      workers.emplace_back([&, first] {
        for (std::size_t i = first; i < size; i += count) task(i);
      });
    for (std::thread& worker : workers) worker.join();
  }
};
// [backend]

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
template <class Importance, class Penalty, class Optimizer>
bool learns_both(const char* name, Importance importance, Penalty penalty, Optimizer optimizer) {
  ll::Learner learner{Line{}, importance, penalty, optimizer, Threads{2}};
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
  return forgets && sign && mileage && structured ? 0 : 1;
}
