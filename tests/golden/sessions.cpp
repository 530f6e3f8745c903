// SPDX-License-Identifier: MIT
// What learners do beside learning task after task: scopes, importances set and renewed, checkpoints, a stream, and
// models of one's own.
#include <lifelong/io/checkpoint.hpp>

#include "golden.hpp"

#include <span>
#include <stdexcept>
#include <tuple>

namespace golden {

namespace {

/// Four linear functions, fitted to labels by least squares: written by hand, without names of parameters or moments.
template <class T>
struct Linear {
  using value_type = T;
  static constexpr std::size_t in = 6, out = 4;
  std::vector<T> theta = std::vector<T>(out * in);

  std::span<T> parameters() { return theta; }
  [[nodiscard]] std::size_t outputs() const { return out; }

  void predict(const ll::Batch<T>& batch, std::span<T> f) const {
    for (std::size_t k = 0; k < batch.size * out; ++k) {
      f[k] = 0;
      for (std::size_t i = 0; i < in; ++i) f[k] += theta[k % out * in + i] * batch.inputs[k / out * in + i];
    }
  }
  void pullback(const ll::Batch<T>& batch, std::span<const T> seeds, std::span<T> result) const {
    for (T& value : result) value = 0;
    for (std::size_t k = 0; k < batch.size * out; ++k)
      for (std::size_t i = 0; i < in; ++i) result[k % out * in + i] += seeds[k] * batch.inputs[k / out * in + i];
  }
  T gradient(const ll::Batch<T>& batch, std::span<T> result) const {
    std::vector<T> errors(batch.size * out);
    predict(batch, errors);
    for (std::size_t n = 0; n < batch.size; ++n) errors[n * out + static_cast<std::size_t>(batch.labels[n])] -= 1;
    const T share = T(1) / static_cast<T>(batch.size);
    T loss = 0;
    for (T& error : errors) {
      loss += share / 2 * error * error;
      error *= share;
    }
    pullback(batch, errors, result);
    return loss;
  }
};

/// The same without its outputs.
template <class T>
struct GradientOnly : private Linear<T> {
  using value_type = T;
  using Linear<T>::parameters;
  using Linear<T>::gradient;
};

template <class T>
void add_own_models(Report& report, const std::string& type) {
  const auto add = [&](const std::string& name, const auto& model, const auto& importance) {
    report.add("own_model/" + name + "/" + type,
               [=](OpenMP backend) { return history(model, importance, per_task, momentum, backend); });
  };
  add("fisher", Linear<T>{}, imp::Fisher{});
  add("mas", Linear<T>{}, imp::Mas{});
  add("scp", Linear<T>{}, imp::Scp{.slices = 5});
  add("si", Linear<T>{}, imp::SynapticIntelligence{});
  add("batch_fisher", Linear<T>{}, imp::BatchFisher{});
  add("gradient_only/fisher", GradientOnly<T>{}, imp::Fisher{.labels = imp::Labels::empirical});
  add("gradient_only/batch_fisher", GradientOnly<T>{}, imp::BatchFisher{});
}

/// All of a task in two batches, as a user would hand them over; `task` must outlive them.
std::vector<ll::Batch<float>> two_batches(const Task& task) {
  const std::size_t width = task.features(), half = 16, rest = task.size() - half;
  return {{half, width, task.inputs().first(half * width), task.labels().first(half)},
          {rest, width, task.inputs().subspan(half * width), task.labels().subspan(half)}};
}

auto normed_network(OpenMP backend) {
  return nn::sequential<float>(
      std::tuple{nn::Linear{6, 8}, nn::BatchNorm{8}, nn::ReLU{}, nn::Dropout{0.3}, nn::Linear{8, 4}}, 1, backend);
}

void add_scopes(Report& report) {
  const auto add = [&](const std::string& name, const ll::Scope& scope) {
    report.add("scope/" + name, [=](OpenMP backend) {
      ll::Learner learner{normed_network(backend), imp::Fisher{}, per_task, adam, backend};
      learner.restrict_importance(scope);
      Hash hash;
      learn(learner, small_tasks(), hash);
      return hash.value();
    });
  };
  add("all", ll::Scope::all());
  add("without_heads", ll::Scope::all().without_heads());
  add("without_norms", ll::Scope::all().without_norms());
  add("without_name", ll::Scope::all().without({"0.bias", "4"}));
  add("only", ll::Scope::only({"0", "4.bias"}));
}

/// Ω set by hand and renewed from data in the middle of tasks.
template <class Importance>
std::uint64_t interfere(const Importance& importance, const pen::Quadratic& penalty, OpenMP backend) {
  const Tasks& tasks = small_tasks();
  ll::Learner learner{small_network<float>(backend), importance, penalty, adam, backend};
  Hash hash;
  train(learner, tasks[0]);
  learner.consolidate(two_batches(tasks[0]));
  train(learner, tasks[1]);
  learner.update_importance(tasks[1], {.keep = 0.9, .add = 0.1}, {.batch_size = 16});
  hash.add_state(learner);
  train(learner, tasks[2]);
  learner.update_importance(two_batches(tasks[2]));
  hash.add_state(learner);
  learn(learner, {tasks[1]}, hash);
  std::vector<float> omega(learner.importance().begin(), learner.importance().end());
  for (std::size_t i = 0; i < omega.size(); i += 3) omega[i] = 0.5F;
  learner.set_importance(omega);
  learn(learner, {tasks[2], tasks[0]}, hash);
  return hash.value();
}

void add_interference(Report& report) {
  with_quadratic([&](const std::string& cost, const pen::Quadratic& penalty) {
    report.add("interference/fisher/" + cost,
               [=](OpenMP backend) { return interfere(imp::Fisher{}, penalty, backend); });
    report.add("interference/mas/" + cost, [=](OpenMP backend) { return interfere(imp::Mas{}, penalty, backend); });
  });
}

/// The rest of a task and another one.
template <class Learner>
std::uint64_t go_on(Learner& learner) {
  Hash hash;
  learn(learner, {small_tasks()[2], small_tasks()[0]}, hash);
  return hash.value();
}

/// A learner that is saved in the middle of a task and restored goes on as it would have.
template <class Importance, class Penalty, class Optimizer>
void add_checkpoint(Report& report, const std::string& name, const Importance& importance, const Penalty& penalty,
                    const Optimizer& optimizer) {
  report.add("checkpoint/" + name, [=](OpenMP backend) {
    const auto make = [&] { return ll::Learner{normed_network(backend), importance, penalty, optimizer, backend}; };
    auto learner = make(), resumed = make();
    Hash before;
    learn(learner, {small_tasks()[0], small_tasks()[1]}, before);
    train(learner, small_tasks()[2], 1);
    ll::io::restore(ll::io::checkpoint(learner), resumed);
    const std::uint64_t straight = go_on(learner);
    if (go_on(resumed) != straight) throw std::logic_error("a restored learner goes on otherwise");
    return straight;
  });
}

void add_stream(Report& report, const std::string& name, ll::Scenario scenario) {
  report.add("stream/" + name, [=](OpenMP backend) {
    const ll::SplitData<float> data{make_task(0, 6, 80, 4), make_task(1, 6, 60, 4)};
    const auto stream = ll::stream::split(data, 2, {.scenario = scenario});
    ll::Learner learner{small_network<float>(backend), imp::Fisher{}, quadratic, adam, backend};
    ll::AccuracyMatrix matrix(stream.size());
    for (const auto& task : stream) {
      learner.fit(task.train, {.epochs = 4, .batch_size = 8, .seed = 5});
      learner.consolidate(task.train, {.batch_size = 16});
      matrix.add_row(ll::evaluate(learner, stream));
    }
    Hash hash;
    hash.add_state(learner);
    for (std::size_t k = 0; k < 4; ++k) hash.add(matrix(k / 2, k % 2));
    return hash.value();
  });
}

}  // namespace

void add_sessions(Report& report) {
  add_own_models<float>(report, "float");
  add_own_models<double>(report, "double");
  add_scopes(report);
  add_interference(report);
  add_checkpoint(report, "rwalk_compact_adam", imp::RWalk{}, ll::compact(per_task), adam);
  add_checkpoint(report, "si_momentum", imp::SynapticIntelligence{}, per_task, momentum);
  add_checkpoint(report, "fisher_compact_adam", imp::Fisher{}, quadratic, ll::compact(adam));
  add_stream(report, "domain", ll::Scenario::domain);
  add_stream(report, "task", ll::Scenario::task);
  add_stream(report, "class_incremental", ll::Scenario::class_incremental);
}

}  // namespace golden
