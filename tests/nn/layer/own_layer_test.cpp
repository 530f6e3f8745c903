// SPDX-License-Identifier: MIT
// A layer of one's own, as docs/extending.md shows it: trained and estimated like those of the library.
#include <lifelong/nn.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "catch.hpp"
#include "finite_difference.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace own_layer_test {

namespace {

namespace ll = lifelong;

// [layer]
/// y_i = θ_i x_i.
struct Scale {
  std::size_t width;

  static constexpr bool in_place = false;

  ll::nn::Shape expected() const { return {width}; }
  ll::nn::Shape connect(ll::nn::Shape in) const {
    if (in != expected()) throw ll::ShapeMismatch("Scale takes " + expected().text() + " but is given " + in.text());
    return in;
  }
  void declare(ll::Layout& layout, const std::string& prefix) const { layout.add(prefix + ".weight", {width}); }

  template <class T>
  void initialize(std::span<T> theta, const ll::Random&, std::uint64_t) const {
    for (T& value : theta) value = 1;
  }

  template <class T, class Backend>
  void forward(const Backend&, const ll::nn::Flow<T>& flow, ll::nn::Rows<const T> x, ll::nn::Rows<T> y) const {
    for (std::size_t n = 0; n < x.count; ++n)
      for (std::size_t i = 0; i < width; ++i) y.row(n)[i] = flow.theta[i] * x.row(n)[i];
  }

  /// dx = ∂/∂x, and out (+)= Σ_n m(∂/∂θ of sample n).
  template <class T, class Backend, class Moment>
  void backward(const Backend&, const ll::nn::Pass<Moment>& pass, const ll::nn::Flow<T>& flow, ll::nn::Rows<const T> x,
                ll::nn::Rows<const T>, ll::nn::Rows<T> dy, ll::nn::Rows<T> dx, std::span<T> out) const {
    if (pass.first() && !pass.add) std::fill(out.begin(), out.end(), T(0));
    for (std::size_t n = 0; n < x.count; ++n)
      for (std::size_t i = 0; i < width; ++i) {
        if (!out.empty()) out[i] += pass.moment(dy.row(n)[i] * x.row(n)[i]);
        if (dx.data != nullptr) dx.row(n)[i] = flow.theta[i] * dy.row(n)[i];
      }
  }
};
// [layer]

}  // namespace

TEST_CASE("a layer of one's own has the gradient and the importances of its formula", "[nn][own]") {
  auto network =
      ll::nn::sequential<double>(ll::nn::Linear{3, 4}, Scale{4}, ll::nn::Tanh{}, Scale{4}, ll::nn::Linear{4, 2});
  const test::RandomBatch<double> data(5, 3, 2);
  test::check_gradient(network, data.batch());
  const auto exact = test::log_likelihood(ll::importance::Labels::exact);
  CHECK(test::difference(test::at_once(network, data.batch(), exact, ll::moment::Square{}),
                         test::one_by_one(network, data.batch(), exact, ll::moment::Square{})) < 1e-12);
  CHECK_THROWS_AS(ll::nn::sequential<double>(ll::nn::Linear{3, 4}, Scale{5}), ll::ShapeMismatch);
}

}  // namespace own_layer_test
