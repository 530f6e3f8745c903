// SPDX-License-Identifier: MIT
// Exact linear heads: learning a block of samples and solving, against the product of two matrices. The sums of a block
// of n samples of M features take n M² operations, since half of a symmetric matrix is kept, and a factor M³/3.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <lifelong/analytic/ridge.hpp>
#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn.hpp>

#include "plain_product.hpp"
#include "suite.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using ll::analytic::Identity;

constexpr std::size_t classes = 10;

/// Random samples of `features` features.
struct Block {
  std::size_t size, features;
  ll::AlignedVector<float> inputs;
  ll::AlignedVector<std::int32_t> labels;

  Block(std::size_t samples, std::size_t width)
      : size(samples), features(width), inputs(samples * width), labels(samples) {
    const ll::Random random(1);
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = static_cast<float>(random.normal(i));
    for (std::size_t n = 0; n < samples; ++n) labels[n] = static_cast<std::int32_t>(n % classes);
  }
  [[nodiscard]] ll::Batch<float> batch() const { return {size, features, inputs, labels}; }
  [[nodiscard]] double operations() const {
    return static_cast<double>(size) * static_cast<double>(features) * static_cast<double>(features);
  }
};

/// Hᵀ H of the same block in double, all of it, as a library without a symmetric product has it.
class FullProduct {
 public:
  explicit FullProduct(const Block& block)
      : samples_(block.size),
        features_(block.features),
        h_(block.inputs.begin(), block.inputs.end()),
        c_(features_ * features_) {}

  void own() {
    const ll::nn::Rows<const double> h{h_.data(), samples_, features_};
    ll::nn::product(ll::backend::Serial{}, ll::nn::Transposed<double>{h}, h,
                    ll::nn::Rows<double>{c_.data(), features_, features_}, samples_, ll::nn::Add{false});
  }
  void eigen() {
    using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const auto n = static_cast<Eigen::Index>(samples_), m = static_cast<Eigen::Index>(features_);
    const Eigen::Map<const Matrix> h(h_.data(), n, m);
    Eigen::Map<Matrix>(c_.data(), m, m).noalias() = h.transpose() * h;
  }
  [[nodiscard]] double trace() {
    own();
    double total = 0;
    for (std::size_t k = 0; k < features_; ++k) total += c_[k * (features_ + 1)];
    return total;
  }

 private:
  std::size_t samples_, features_;
  ll::AlignedVector<double> h_, c_;
};

using Ridge = ll::analytic::Ridge<Identity<float>>;

void update(Suite& suite, std::size_t features, std::size_t samples) {
  suite.row(
      "analytic/ridge/" + std::to_string(features) + " features/block " + std::to_string(samples) + " vs full product",
      [=] {
        const auto block = std::make_shared<Block>(samples, features);
        const auto product = std::make_shared<FullProduct>(*block);
        const auto head = std::make_shared<Ridge>(Identity<float>(features), classes,
                                                  ll::analytic::RidgeOptions{.strength = 1, .intercept = false});
        return Pair{.body = [=] { head->learn(block->batch()); },
                    .against = {[=] { product->own(); }, [=] { product->eigen(); }},
                    .work = {.flops = block->operations()},
                    .yardstick = plain_product<double>(),
                    .agree =
                        [=] {
                          head->learn(block->batch());
                          const double mean = product->trace() / static_cast<double>(features);
                          return std::abs(head->lambda() - mean) < 1e-9 * mean;
                        }};
      });
}

/// One factorisation and the solutions of all classes.
void solve(Suite& suite, std::size_t features) {
  suite.row("analytic/ridge/" + std::to_string(features) + " features/solve vs a block of 256", [=] {
    const auto block = std::make_shared<Block>(256, features);
    const auto head = std::make_shared<Ridge>(Identity<float>(features), classes),
               other = std::make_shared<Ridge>(*head);
    head->learn(block->batch());
    const double m = static_cast<double>(features);
    return Pair{.body =
                    [=] {
                      head->set_strength(1e-3);
                      head->solve();
                    },
                .against = {[=] { other->learn(block->batch()); }},
                .work = {.flops = m * m * m / 3 + 2 * m * m * classes},
                .yardstick = plain_product<double>()};
  });
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite(argc, argv);
  const std::size_t features = suite.size(2000, 100);
  for (const std::size_t samples : {std::size_t{1}, std::size_t{64}, std::size_t{256}, std::size_t{1024}})
    update(suite, features, samples);
  solve(suite, features);
  return suite.run();
}
