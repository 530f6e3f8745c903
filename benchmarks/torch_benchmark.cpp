// A training step of a LibTorch module with the quadratic penalty: fused over the flat parameters, against LibTorch's
// own optimizer with the penalty as an autograd expression. One thread.
#include <benchmark/benchmark.h>

#include <lifelong/lifelong.hpp>
#include <lifelong/torch.hpp>

#include <torch/nn.h>
#include <torch/optim.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

namespace {

namespace ll = lifelong;

/// Processor seconds of a call.
template <class Body>
double seconds(const Body& body) {
  const std::clock_t begin = std::clock();
  body();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

torch::nn::Sequential make_net(std::int64_t width) {
  torch::manual_seed(1);
  return torch::nn::Sequential(torch::nn::Linear(784, width), torch::nn::ReLU(), torch::nn::Linear(width, width),
                               torch::nn::ReLU(), torch::nn::Linear(width, 10));
}

/// λ/2 Σ Ω (θ - θ*)² as people write it.
class Penalty {
 public:
  Penalty(const std::vector<torch::Tensor>& parameters, double strength)
      : parameters_(parameters), strength_(strength) {
    for (const torch::Tensor& parameter : parameters) {
      anchors_.push_back(parameter.detach().clone());
      importances_.push_back(torch::full_like(anchors_.back(), 0.5));
    }
  }
  [[nodiscard]] torch::Tensor value() const {
    torch::Tensor sum = torch::zeros({});
    for (std::size_t k = 0; k < parameters_.size(); ++k)
      sum = sum + (importances_[k] * (parameters_[k] - anchors_[k]).pow(2)).sum();
    return strength_ / 2 * sum;
  }

 private:
  std::vector<torch::Tensor> parameters_, anchors_, importances_;
  double strength_;
};

/// The step of an optimizer of ours and its counterpart, on a gradient that is there (`whole` false) or with the
/// forward and backward pass of the task's loss.
template <class Optimizer, class TorchOptimizer, class Options>
void step(benchmark::State& state, Optimizer optimizer, const Options& options, bool whole) {
  torch::set_num_threads(1);
  const std::int64_t samples = state.range(0), width = state.range(1);
  const torch::Tensor x = torch::randn({samples, 784}), y = torch::randint(10, {samples}, torch::kInt64);
  const auto backward = [&](torch::nn::Sequential& net) {
    torch::nn::functional::cross_entropy(net->forward(x), y).backward();
  };

  torch::nn::Sequential ours = make_net(width), theirs = make_net(width);
  const Penalty penalty(theirs->parameters(), 2);
  TorchOptimizer their_optimizer(theirs->parameters(), options);
  ll::Learner learner{ll::libtorch::model(ours, {784}), ll::importance::Constant{},
                      ll::penalty::Quadratic{.strength = 2}, optimizer};
  learner.set_importance(std::vector<float>(learner.parameters().size(), 0.5f));
  learner.model().zero_gradient();
  backward(ours);
  backward(theirs);

  const auto run_ours = [&] {
    if (whole) {
      learner.model().zero_gradient();
      backward(ours);
    }
    benchmark::DoNotOptimize(learner.step(learner.model().backward_gradient()));
  };
  const auto run_theirs = [&] {
    if (whole) {
      their_optimizer.zero_grad();
      (torch::nn::functional::cross_entropy(theirs->forward(x), y) + penalty.value()).backward();
    } else {
      penalty.value().backward();  // adds to the gradient that is there
    }
    their_optimizer.step();
  };
  double our_time = 1e9, their_time = 1e9;  // the least of each, taken in turn
  for (auto _ : state) {
    const double ours_now = seconds(run_ours);
    our_time = std::min(our_time, ours_now);
    their_time = std::min(their_time, seconds(run_theirs));
    state.SetIterationTime(ours_now);
  }

  if (whole)
    for (std::size_t k = 0; k < ours->parameters().size(); ++k)
      if ((ours->parameters()[k] - theirs->parameters()[k]).abs().mean().item<double>() > 1e-5)
        return state.SkipWithError("the contestants do not agree");
  state.counters["libtorch/learner"] = their_time / our_time;
  state.counters["parameters"] = static_cast<double>(learner.parameters().size());
}

void adam(benchmark::State& state, bool whole) {
  step<ll::optimizer::Adam, torch::optim::Adam>(state, {.learning_rate = 1e-4}, torch::optim::AdamOptions(1e-4), whole);
}
void momentum(benchmark::State& state, bool whole) {
  step<ll::optimizer::Momentum, torch::optim::SGD>(state, {.learning_rate = 1e-3},
                                                   torch::optim::SGDOptions(1e-3).momentum(0.9), whole);
}

void whole_steps(benchmark::internal::Benchmark* rows) {
  rows->ArgNames({"samples", "width"})->Args({1, 400})->Args({128, 400})->Args({128, 1000});
  rows->Iterations(12)->UseManualTime()->Unit(benchmark::kMillisecond);
}
void updates(benchmark::internal::Benchmark* rows) {
  rows->ArgNames({"samples", "width"})->Args({1, 400})->Args({1, 2000});
  rows->Iterations(12)->UseManualTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(adam, whole_step, true)->Apply(whole_steps);
BENCHMARK_CAPTURE(momentum, whole_step, true)->Apply(whole_steps);
BENCHMARK_CAPTURE(adam, update_alone, false)->Apply(updates);
BENCHMARK_CAPTURE(momentum, update_alone, false)->Apply(updates);

}  // namespace
