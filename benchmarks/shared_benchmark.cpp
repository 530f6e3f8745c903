// SPDX-License-Identifier: MIT
// Moments of the gradient of weights that positions share, exact per sample: against the plain gradient, and against
// per-sample gradients laid out in memory.
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>
#include <lifelong/nn/product/shared_product.hpp>

#include "plain_product.hpp"
#include "suite.hpp"

namespace {

namespace ll = lifelong;
using namespace ll::benchmarks;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Shape {
  std::size_t samples, positions, out, in;
};

/// How the deltas lie: a convolution has channels before positions and unfolds its images alike; a recurrent layer and
/// a linear one on tokens have features last.
enum class Kind { convolution, recurrent };

ll::AlignedVector<float> normals(std::size_t count, std::uint64_t seed) {
  const ll::Random random(seed);
  ll::AlignedVector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.normal(i));
  return values;
}

/// Deltas D and inputs X of one layer and batch, one row per sample and position, and as `kind` has them.
class SharedWeight {
 public:
  SharedWeight(const Shape& shape, Kind kind)
      : shape_(shape),
        kind_(kind),
        d_(normals(rows() * shape.out, 1)),
        x_(normals(rows() * shape.in, 2)),
        gradient_(shape.out * shape.in),
        values_(gradient_.size()) {
    if (kind == Kind::recurrent) return;
    channels_first_d_.resize(d_.size());
    for (std::size_t n = 0; n < shape.samples; ++n)
      for (std::size_t o = 0; o < shape.out; ++o)
        for (std::size_t t = 0; t < shape.positions; ++t)
          channels_first_d_[(n * shape.out + o) * shape.positions + t] = d_[(n * shape.positions + t) * shape.out + o];
    unfolded_.resize(x_.size());
    for (std::size_t r = 0; r < rows(); ++r)
      for (std::size_t i = 0; i < shape.in; ++i) unfolded_[i * rows() + r] = x_[r * shape.in + i];
  }

  [[nodiscard]] std::size_t rows() const { return shape_.samples * shape_.positions; }
  [[nodiscard]] Work work() const {
    return {.flops = 2.0 * static_cast<double>(rows()) * static_cast<double>(shape_.out * shape_.in)};
  }

  /// DᵀX by the library's product.
  void plain_own() {
    ll::nn::product(ll::backend::Serial{}, ll::nn::Transposed<float>{{d_.data(), rows(), shape_.out}},
                    ll::nn::Rows<const float>{x_.data(), rows(), shape_.in},
                    ll::nn::Rows<float>{gradient_.data(), shape_.out, shape_.in}, rows(), ll::nn::Add{false});
  }
  /// DᵀX by Eigen.
  void plain_eigen() { map(gradient_, shape_.out, shape_.in).noalias() = d().transpose() * x(); }

  template <class Moment>
  void moments(const Moment& moment) {
    const ll::nn::Elements<float> out{values_.data(), 1, shape_.in};
    const auto run = [&](const ll::nn::Positions<float>& x, const ll::nn::Positions<float>& d) {
      ll::nn::shared_product(ll::backend::Serial{}, moment, shape_.samples, shape_.positions, x, d, false, out,
                             scratch_);
    };
    if (kind_ == Kind::convolution)
      run({unfolded_.data(), shape_.in, shape_.positions, 1, rows()},
          {channels_first_d_.data(), shape_.out, shape_.out * shape_.positions, 1, shape_.positions});
    else
      run({x_.data(), shape_.in, shape_.in * shape_.positions, shape_.in, 1},
          {d_.data(), shape_.out, shape_.out * shape_.positions, shape_.out, 1});
  }

  /// `(per_sample_gradients ** 2).sum(0)`, as libraries of per-sample gradients are used; arrays allocated beforehand.
  void materialised_squares() {
    const std::size_t size = shape_.out * shape_.in;
    per_sample_.resize(shape_.samples * size);
    squares_.resize(shape_.samples * size);
    for (std::size_t n = 0; n < shape_.samples; ++n)
      ll::nn::product(
          ll::backend::Serial{},
          ll::nn::Transposed<float>{{d_.data() + n * shape_.positions * shape_.out, shape_.positions, shape_.out}},
          ll::nn::Rows<const float>{x_.data() + n * shape_.positions * shape_.in, shape_.positions, shape_.in},
          ll::nn::Rows<float>{per_sample_.data() + n * size, shape_.out, shape_.in}, shape_.positions,
          ll::nn::Add{false});
    Eigen::Map<Eigen::ArrayXf> sums(gradient_.data(), static_cast<Eigen::Index>(size));
    Eigen::Map<Eigen::ArrayXf>(squares_.data(), static_cast<Eigen::Index>(squares_.size())) = map(per_sample_).square();
    sums.setZero();
    for (std::size_t n = 0; n < shape_.samples; ++n)
      sums += Eigen::Map<const Eigen::ArrayXf>(squares_.data() + n * size, sums.size());
  }

  [[nodiscard]] bool agree() const { return map(gradient_).matrix().isApprox(map(values_).matrix(), 1e-3f); }

 private:
  static Eigen::Map<Matrix> map(ll::AlignedVector<float>& values, std::size_t rows, std::size_t columns) {
    return {values.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns)};
  }
  static Eigen::Map<const Eigen::ArrayXf> map(const ll::AlignedVector<float>& values) {
    return {values.data(), static_cast<Eigen::Index>(values.size())};
  }
  Eigen::Map<Matrix> d() { return map(d_, rows(), shape_.out); }
  Eigen::Map<Matrix> x() { return map(x_, rows(), shape_.in); }

  Shape shape_;
  Kind kind_;
  ll::AlignedVector<float> d_, x_, channels_first_d_, unfolded_, gradient_, values_, scratch_, per_sample_, squares_;
};

std::string name_of(Kind kind) { return kind == Kind::convolution ? "convolution" : "recurrent"; }

void rows_of(Suite& suite, const Shape& full, Kind kind) {
  const std::string where = "/" + name_of(kind) + " " + std::to_string(full.out) + "x" + std::to_string(full.in) +
                            "/positions " + std::to_string(full.positions);
  const auto make = [&suite, full, kind] {
    return std::make_shared<SharedWeight>(
        Shape{suite.size(full.samples, 2), full.positions, suite.size(full.out, 8), suite.size(full.in, 20)}, kind);
  };
  const auto against_gradient = [&](const std::string& name, auto moment) {
    suite.row("shared/" + name + where + " vs gradient", [=] {
      const auto weight = make();
      return Pair{.body = [weight, moment] { weight->moments(moment); },
                  .against = {[weight] { weight->plain_own(); }, [weight] { weight->plain_eigen(); }},
                  .work = weight->work(),
                  .yardstick = plain_product(),
                  .agree =
                      [weight] {
                        weight->moments(ll::moment::Sum{});
                        weight->plain_own();
                        return weight->agree();
                      }};
    });
  };
  against_gradient("fisher", ll::moment::Square{});
  against_gradient("mas", ll::moment::Absolute{});
  suite.row("shared/fisher" + where + " vs materialised", [=] {
    const auto weight = make();
    return Pair{.body = [weight] { weight->moments(ll::moment::Square{}); },
                .against = {[weight] { weight->materialised_squares(); }},
                .work = weight->work(),
                .yardstick = plain_product(),
                .agree =
                    [weight] {
                      weight->moments(ll::moment::Square{});
                      weight->materialised_squares();
                      return weight->agree();
                    }};
  });
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite(argc, argv);
  for (const Kind kind : {Kind::convolution, Kind::recurrent})
    for (const Shape& shape : {Shape{256, 4, 64, 576}, Shape{128, 16, 64, 576}, Shape{64, 64, 64, 576},
                               Shape{16, 256, 64, 576}, Shape{64, 16, 256, 2304}})
      rows_of(suite, shape, kind);
  return suite.run();
}
