// SPDX-License-Identifier: MIT
// Training: 784-1024-512-256-10, Adam, batch 128, on rotated MNIST. A step against its matrix products and its parts
// against it; an epoch with and without a penalty, and with two threads.
// Images are synthetic unless LIFELONG_BENCHMARK_DATA names a folder with the IDX files of MNIST.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/backend/openmp.hpp>
#include <lifelong/io/idx.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include "plain_product.hpp"
#include "suite.hpp"
#include "synthetic.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using ll::penalty::None, ll::penalty::Quadratic;

constexpr std::size_t batch_size = 128;
constexpr std::array<std::size_t, 5> widths{784, 1024, 512, 256, 10};

ll::Examples<std::uint8_t> rotated_images(std::size_t count) {
  const char* folder = std::getenv("LIFELONG_BENCHMARK_DATA");
  const auto images = folder == nullptr ? synthetic_images(count) : ll::io::load_idx(folder).train;
  return ll::Examples<std::uint8_t>(images).mapped(ll::FeatureMap::rotation(28, 28, 20));
}

template <class Penalty>
auto make_learner(int threads) {
  const ll::backend::OpenMP backend{threads};
  auto network = ll::nn::mlp<float>({widths.begin(), widths.end()}, {.seed = 1}, backend);
  ll::Learner learner{std::move(network), ll::importance::Fisher{}, Penalty{}, ll::optimizer::Adam{}, backend};
  if constexpr (ll::detail::is_anchored<Penalty>)
    learner.set_importance(ll::AlignedVector<float>(learner.parameters().size(), 1e-3f));
  return learner;
}

/// A learner with images in random order, and the parts of a step of `Learner::fit`.
template <class Penalty>
class Training {
 public:
  using L = decltype(make_learner<Penalty>(1));

  Training(std::size_t examples, int threads, const std::vector<std::string>& frozen = {})
      : learner_(make_learner<Penalty>(threads)),
        examples_(rotated_images(examples)),
        gradient_(learner_.parameters().size()),
        order_(examples_.size()) {
    learner_.model().freeze(frozen);
    std::iota(order_.begin(), order_.end(), std::uint32_t{0});
    ll::Random(1, ll::Purpose::shuffle).shuffle(std::span<std::uint32_t>(order_));
    gather();
  }

  void epoch() { learner_.fit(examples_, {.epochs = 1, .batch_size = batch_size}); }
  void step() {
    gather();
    gradient();
    update();
  }
  void gather() {
    const std::span<const std::uint32_t> order = std::span(order_).subspan(next_, batch_size);
    next_ = next_ + 2 * batch_size <= order_.size() ? next_ + batch_size : 0;
    const Part part{examples_, order};
    batch_ = *ll::BatchLoader(part, batch_size, buffer_, learner_.backend()).begin();
  }
  void forward() {
    outputs_.resize(batch_size * widths.back());
    learner_.model().predict(batch_, std::span<float>(outputs_));
  }
  void gradient() { learner_.model().gradient(batch_, std::span<float>(gradient_)); }
  void update() { learner_.step(std::span<const float>(gradient_)); }

 private:
  /// Some of the examples.
  struct Part {
    const ll::Examples<std::uint8_t>& examples;
    std::span<const std::uint32_t> order;
    [[nodiscard]] std::size_t size() const { return order.size(); }
    [[nodiscard]] std::size_t features() const { return examples.features(); }
    [[nodiscard]] std::size_t targets() const { return 0; }
    void read(std::size_t i, ll::ExampleRow<float> row) const { examples.read(order[i], row); }
  };

  L learner_;
  ll::Examples<std::uint8_t> examples_;
  ll::AlignedVector<float> gradient_, outputs_;
  std::vector<std::uint32_t> order_;
  std::size_t next_ = 0;
  ll::BatchBuffer<float> buffer_;
  ll::Batch<float> batch_;
};

/// The products of a step and nothing else: of every layer the outputs, the gradient of the weights and, above the
/// first, that of the inputs; by the calls and of the shapes of `nn::Linear`.
class Products {
 public:
  Products() {
    for (std::size_t l = 0; l + 1 < widths.size(); ++l)
      layers_.push_back({widths[l], widths[l + 1], ll::AlignedVector<float>(batch_size * widths[l], 1.0f),
                         ll::AlignedVector<float>(widths[l] * widths[l + 1], 0.5f),
                         ll::AlignedVector<float>(widths[l] * widths[l + 1]),
                         ll::AlignedVector<float>(batch_size * widths[l + 1], 0.25f)});
  }

  void run() {
    const ll::nn::Add zero{false};
    const ll::backend::Serial serial;
    for (Layer& l : layers_)
      ll::nn::product(serial, l.inputs(), ll::nn::Transposed<float>{l.weights()}, l.outputs(), l.in, zero);
    for (std::size_t k = layers_.size(); k-- > 0;) {
      Layer& l = layers_[k];
      const ll::nn::Rows<const float> deltas = l.outputs();
      ll::nn::product(serial, ll::nn::Transposed<float>{deltas}, l.inputs(), l.weight_gradient(), batch_size, zero);
      if (k > 0) ll::nn::product(serial, deltas, l.weights(), layers_[k - 1].outputs(), l.out, zero);
    }
  }

  [[nodiscard]] Work work() const {
    double flops = 0;
    for (std::size_t k = 0; k < layers_.size(); ++k)
      flops += (k > 0 ? 6.0 : 4.0) * static_cast<double>(batch_size * layers_[k].in * layers_[k].out);
    return {.flops = flops};
  }

 private:
  struct Layer {
    std::size_t in, out;
    ll::AlignedVector<float> x, w, dw, y;

    [[nodiscard]] ll::nn::Rows<const float> inputs() const { return {x.data(), batch_size, in}; }
    [[nodiscard]] ll::nn::Rows<const float> weights() const { return {w.data(), out, in}; }
    ll::nn::Rows<float> weight_gradient() { return {dw.data(), out, in}; }
    ll::nn::Rows<float> outputs() { return {y.data(), batch_size, out}; }
  };
  std::vector<Layer> layers_;
};

template <class Penalty>
void step_rows(Suite& suite, const std::string& name) {
  using T = Training<Penalty>;
  const auto make = [] { return std::make_shared<T>(8 * batch_size, 1); };
  suite.row("training/step/" + name + " vs products", [make] {
    const auto training = make();
    const auto products = std::make_shared<Products>();
    return Pair{.body = [training] { training->step(); },
                .against = {[products] { products->run(); }},
                .work = products->work(),
                .yardstick = plain_product()};
  });
  const auto part = [&](const std::string& part_name, void (T::*run)()) {
    suite.row("training/" + part_name + "/" + name + " vs step", [make, run] {
      const auto training = make();
      return Pair{.body = [training, run] { (training.get()->*run)(); }, .against = {[training] { training->step(); }}};
    });
  };
  part("gather", &T::gather);
  part("forward", &T::forward);
  part("gradient", &T::gradient);
  part("update", &T::update);
}

/// A step that trains the last layer alone, against one that trains all, and against its forward pass.
void frozen_trunk(Suite& suite) {
  using T = Training<Quadratic>;
  const auto make = [] { return std::make_shared<T>(8 * batch_size, 1, std::vector<std::string>{"0", "2", "4"}); };
  suite.row("training/step/frozen trunk vs whole", [make] {
    const auto part = make();
    const auto whole = std::make_shared<T>(8 * batch_size, 1);
    return Pair{.body = [part] { part->step(); }, .against = {[whole] { whole->step(); }}};
  });
  suite.row("training/step/frozen trunk vs forward", [make] {
    const auto part = make();
    return Pair{.body = [part] { part->step(); }, .against = {[part] { part->forward(); }}};
  });
}

template <class Penalty>
std::shared_ptr<Training<Penalty>> make_epoch(const Suite& suite, int threads) {
  return std::make_shared<Training<Penalty>>(suite.size(60000, 2 * batch_size), threads);
}

/// What the penalty adds, and what lies outside the products.
void single_thread_epochs(Suite& suite) {
  const double steps = static_cast<double>(suite.size(60000, 2 * batch_size)) / static_cast<double>(batch_size);
  const Work work{.flops = steps * Products().work().flops};
  suite.row("training/epoch/adam/threads 1 vs products", [&suite, work, steps] {
    const auto training = make_epoch<None>(suite, 1);
    const auto products = std::make_shared<Products>();
    return Pair{.body = [training] { training->epoch(); },
                .against = {[products] { products->run(); }},
                .work = work,
                .yardstick = plain_product(),
                .scale = steps};
  });
  suite.row("training/epoch/ewc+adam/threads 1 vs adam", [&suite, work] {
    const auto training = make_epoch<Quadratic>(suite, 1);
    const auto plain = make_epoch<None>(suite, 1);
    return Pair{.body = [training] { training->epoch(); },
                .against = {[plain] { plain->epoch(); }},
                .work = work,
                .yardstick = plain_product()};
  });
}

/// In wall time: two threads against one.
template <class Penalty>
void two_threads(Suite& suite, const std::string& name) {
  suite.row("training/epoch/" + name + "/threads 2 vs 1", [&suite] {
    const auto two = make_epoch<Penalty>(suite, 2);
    const auto one = make_epoch<Penalty>(suite, 1);
    return Pair{.body = [two] { two->epoch(); }, .against = {[one] { one->epoch(); }}, .clock = Clock::wall};
  });
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite(argc, argv);
  step_rows<None>(suite, "adam");
  step_rows<Quadratic>(suite, "ewc+adam");
  frozen_trunk(suite);
  single_thread_epochs(suite);
  two_threads<None>(suite, "adam");
  two_threads<Quadratic>(suite, "ewc+adam");
  return suite.run();
}
