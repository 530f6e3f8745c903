// SPDX-License-Identifier: MIT
// A training step of a LibTorch module with the quadratic penalty: fused over the flat parameters, against LibTorch's
// own optimizer with the penalty as an autograd expression; and what a frozen backbone costs. One thread.
#include <lifelong/lifelong.hpp>
#include <lifelong/torch.hpp>

#include <torch/nn.h>
#include <torch/optim.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "suite.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;

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

/// The same module twice: its parameters are a learner's here, and those of LibTorch's optimizer there.
template <class Optimizer, class TorchOptimizer, class Options>
class Twins {
 public:
  Twins(std::int64_t samples, std::int64_t width, Optimizer optimizer, const Options& options)
      : x_(torch::randn({samples, 784})),
        y_(torch::randint(10, {samples}, torch::kInt64)),
        ours_(make_net(width)),
        theirs_(make_net(width)),
        penalty_(theirs_->parameters(), 2),
        their_optimizer_(theirs_->parameters(), options),
        learner_(ll::libtorch::model(ours_, {784}), ll::importance::Constant{}, ll::penalty::Quadratic{.strength = 2},
                 optimizer) {
    learner_.set_importance(std::vector<float>(learner_.parameters().size(), 0.5f));
    learner_.model().zero_gradient();
    backward(ours_);
    backward(theirs_);
  }

  /// The task's forward and backward pass, and the step.
  void our_whole_step() {
    learner_.model().zero_gradient();
    backward(ours_);
    our_update();
  }
  void their_whole_step() {
    their_optimizer_.zero_grad();
    (torch::nn::functional::cross_entropy(theirs_->forward(x_), y_) + penalty_.value()).backward();
    their_optimizer_.step();
  }

  /// The step on a gradient that is there.
  void our_update() { benchmark::DoNotOptimize(learner_.step(learner_.model().backward_gradient())); }
  void their_update() {
    penalty_.value().backward();  // adds to the gradient that is there
    their_optimizer_.step();
  }

  [[nodiscard]] bool agree() {
    for (int k = 0; k < 3; ++k) our_whole_step(), their_whole_step();
    for (std::size_t k = 0; k < ours_->parameters().size(); ++k)
      if ((ours_->parameters()[k] - theirs_->parameters()[k]).abs().mean().template item<double>() > 1e-5) return false;
    return true;
  }

 private:
  void backward(torch::nn::Sequential& net) { torch::nn::functional::cross_entropy(net->forward(x_), y_).backward(); }

  using Model = decltype(ll::libtorch::model(std::declval<torch::nn::Sequential&>(), {784}));

  torch::Tensor x_, y_;
  torch::nn::Sequential ours_, theirs_;
  Penalty penalty_;
  TorchOptimizer their_optimizer_;
  ll::Learner<Model, ll::importance::Constant, ll::penalty::Quadratic, Optimizer> learner_;
};

template <class TorchOptimizer, class Optimizer, class Options>
void rows_of(Suite& suite, const std::string& name, Optimizer optimizer, const Options& options) {
  using T = Twins<Optimizer, TorchOptimizer, Options>;
  const auto row = [&](const std::string& part, std::size_t samples, std::size_t width, auto ours, auto theirs) {
    suite.row("torch/" + part + "/" + name + "/width " + std::to_string(width) + "/batch " + std::to_string(samples) +
                  " vs LibTorch",
              [=, &suite] {
                const auto twins =
                    std::make_shared<T>(static_cast<std::int64_t>(samples),
                                        static_cast<std::int64_t>(suite.size(width, 16)), optimizer, options);
                return Pair{.body = [twins, ours] { (twins.get()->*ours)(); },
                            .against = {[twins, theirs] { (twins.get()->*theirs)(); }},
                            .agree = [twins] { return twins->agree(); }};
              });
  };
  row("whole step", 1, 400, &T::our_whole_step, &T::their_whole_step);
  row("whole step", 128, 400, &T::our_whole_step, &T::their_whole_step);
  row("whole step", 128, 1000, &T::our_whole_step, &T::their_whole_step);
  row("update", 1, 400, &T::our_update, &T::their_update);
  row("update", 1, 2000, &T::our_update, &T::their_update);
}

/// A learner of these layers, of which all but the last are frozen, or none.
auto learner_of(torch::nn::Sequential& net, bool frozen) {
  const auto layers = net->children();
  for (std::size_t k = 0; frozen && k + 1 < layers.size(); ++k)
    for (const torch::Tensor& parameter : layers[k]->parameters()) parameter.requires_grad_(false);
  return ll::Learner{ll::libtorch::model(net, {784}), ll::importance::Constant{}, ll::penalty::Quadratic{.strength = 2},
                     ll::optimizer::Adam{}};
}

/// Such a learner, and a batch for it.
class Backbone {
 public:
  Backbone(std::int64_t width, bool frozen)
      : net_(make_net(width)), x_(torch::randn({samples, 784})), labels_(samples), learner_(learner_of(net_, frozen)) {
    for (std::size_t n = 0; n < labels_.size(); ++n) labels_[n] = static_cast<std::int32_t>(n % 10);
    learner_.set_importance(std::vector<float>(learner_.parameters().size(), 0.5f));
  }

  void step() {
    const std::span<const float> inputs(x_.data_ptr<float>(), static_cast<std::size_t>(x_.numel()));
    benchmark::DoNotOptimize(
        learner_.step(ll::Batch<float>{.size = labels_.size(), .features = 784, .inputs = inputs, .labels = labels_}));
  }
  void forward() {
    const torch::NoGradGuard no_gradient;
    benchmark::DoNotOptimize(net_->forward(x_));
  }

 private:
  static constexpr std::int64_t samples = 128;

  torch::nn::Sequential net_;
  torch::Tensor x_;
  std::vector<std::int32_t> labels_;
  decltype(learner_of(std::declval<torch::nn::Sequential&>(), true)) learner_;
};

void frozen_backbone(Suite& suite) {
  const auto width = static_cast<std::int64_t>(suite.size(400, 16));
  suite.row("torch/step/frozen backbone vs whole", [width] {
    const auto part = std::make_shared<Backbone>(width, true), whole = std::make_shared<Backbone>(width, false);
    return Pair{.body = [part] { part->step(); }, .against = {[whole] { whole->step(); }}};
  });
  suite.row("torch/step/frozen backbone vs forward", [width] {
    const auto part = std::make_shared<Backbone>(width, true);
    return Pair{.body = [part] { part->step(); }, .against = {[part] { part->forward(); }}};
  });
}

}  // namespace

int main(int argc, char** argv) {
  torch::set_num_threads(1);
  Suite suite(argc, argv);
  rows_of<torch::optim::Adam>(suite, "ewc+adam", ll::optimizer::Adam{.learning_rate = 1e-4},
                              torch::optim::AdamOptions(1e-4));
  rows_of<torch::optim::SGD>(suite, "ewc+momentum", ll::optimizer::Momentum{.learning_rate = 1e-3},
                             torch::optim::SGDOptions(1e-3).momentum(0.9));
  frozen_backbone(suite);
  return suite.run();
}
