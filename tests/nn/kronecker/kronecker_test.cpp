// SPDX-License-Identifier: MIT
// Kronecker-factored importance: factors, sums over tasks and the penalty against versions written out in full.
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>
#if defined(_OPENMP)
#include <lifelong/backend/openmp.hpp>
#endif

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "moments.hpp"
#include "random_batch.hpp"

namespace kronecker_test {

namespace {

using namespace lifelong;
using importance::Labels;
using importance::Merge;
using nn::KroneckerFactors;
using nn::KroneckerFisher;
using nn::KroneckerPenalty;
using nn::KroneckerState;
using nn::KroneckerSum;
using test::RandomBatch;

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Factors = std::vector<KroneckerFactors<double>>;

/// Both factors of a layer as matrices.
Matrix square(const AlignedVector<double>& values) {
  const auto side = static_cast<Eigen::Index>(std::lround(std::sqrt(static_cast<double>(values.size()))));
  REQUIRE(static_cast<std::size_t>(side * side) == values.size());
  return Eigen::Map<const Matrix>(values.data(), side, side);
}

AlignedVector<double> elements(const Matrix& matrix) { return {matrix.data(), matrix.data() + matrix.size()}; }

/// Largest difference relative to the largest element.
double difference(const Matrix& a, const Matrix& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  return (a - b).cwiseAbs().maxCoeff() / b.cwiseAbs().maxCoeff();
}

double difference(const Factors& a, const Factors& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t l = 0; l < a.size(); ++l)
    worst = std::max({worst, difference(square(a[l].a), square(b[l].a)), difference(square(a[l].g), square(b[l].g))});
  return worst;
}

Matrix kronecker(const Matrix& a, const Matrix& b) {
  Matrix product(a.rows() * b.rows(), a.cols() * b.cols());
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (Eigen::Index j = 0; j < a.cols(); ++j)
      product.block(i * b.rows(), j * b.cols(), b.rows(), b.cols()) = a(i, j) * b;
  return product;
}

/// Element of θ that is W_oi; the bias is column `inputs()`.
std::size_t element(const nn::KroneckerSite& site, std::size_t o, std::size_t i) {
  return i < site.inputs() ? site.weight + o * site.inputs() + i : site.bias + o;
}

/// A P x P matrix with F[W_oi, W_pj] = G_op A_ij.
Matrix dense(const Factors& factors, std::size_t parameters) {
  const auto size = static_cast<Eigen::Index>(parameters);
  Matrix fisher = Matrix::Zero(size, size);
  for (const auto& [site, a, g] : factors)
    for (std::size_t o = 0; o < site.rows; ++o)
      for (std::size_t i = 0; i < site.columns; ++i)
        for (std::size_t p = 0; p < site.rows; ++p)
          for (std::size_t j = 0; j < site.columns; ++j)
            fisher(static_cast<Eigen::Index>(element(site, o, i)), static_cast<Eigen::Index>(element(site, p, j))) =
                g[o * site.rows + p] * a[i * site.columns + j];
  return fisher;
}

template <class Importance, class Network>
Factors estimated(const Importance& importance_of_layers, Network& network, std::vector<Batch<double>> batches) {
  return importance::estimate(importance_of_layers, network, batches).layers;
}

/// Σ over samples and cotangents of J_nᵀ s s ᵀ J_n, divided by N: the Fisher information with all correlations.
template <class Network, class Functional>
Matrix full_fisher(Network& network, const Batch<double>& batch, const Functional& functional) {
  const std::size_t outputs = network.outputs(), count = network.parameters().size();
  std::vector<double> row(outputs), delta(outputs);
  Eigen::VectorXd gradient(static_cast<Eigen::Index>(count));
  Matrix sum = Matrix::Zero(gradient.size(), gradient.size());
  for (std::size_t n = 0; n < batch.size; ++n) {
    const Batch<double> one = batch.sample(n);
    network.predict(one, std::span<double>(row));
    functional.prepare(std::span<double>(row), one.context(0, outputs));
    for (std::size_t k = 0; k < functional.cotangents(outputs); ++k) {
      functional.cotangent(k, std::span<const double>(row), one.context(0, outputs), std::span<double>(delta));
      network.pullback(one, std::span<const double>(delta), std::span<double>(gradient.data(), count));
      sum += gradient * gradient.transpose();
    }
  }
  return sum / static_cast<double>(batch.size);
}

/// The factors of a network 0: Linear, 1: Tanh, 2: Linear, sum by sum. The gradients of a layer's outputs are those of
/// its biases, for one position.
template <class Network, class Functional>
Factors slow_factors(Network& network, const Batch<double>& batch, const Functional& functional) {
  const std::size_t in = batch.features, outputs = network.outputs();
  const std::size_t hidden = (network.parameters().size() - outputs) / (in + 1 + outputs);
  const std::size_t first_bias = hidden * in, second = first_bias + hidden, last_bias = second + outputs * hidden;
  Factors factors(2);
  factors[0].site = {"0", 0, first_bias, true, hidden, in + 1};
  factors[1].site = {"2", second, last_bias, true, outputs, hidden + 1};
  for (auto& [site, a, g] : factors) {
    a.assign(site.columns * site.columns, 0);
    g.assign(site.rows * site.rows, 0);
  }
  const auto add = [&](AlignedVector<double>& sum, const std::vector<double>& v) {
    for (std::size_t i = 0; i < v.size(); ++i)
      for (std::size_t j = 0; j < v.size(); ++j) sum[i * v.size() + j] += v[i] * v[j] / static_cast<double>(batch.size);
  };
  const auto theta = network.parameters();
  std::vector<double> row(outputs), delta(outputs), gradient(theta.size());
  for (std::size_t n = 0; n < batch.size; ++n) {
    const Batch<double> one = batch.sample(n);
    std::vector<double> x(one.inputs.begin(), one.inputs.end()), h(hidden);
    for (std::size_t o = 0; o < hidden; ++o) {
      h[o] = theta[first_bias + o];
      for (std::size_t i = 0; i < in; ++i) h[o] += theta[o * in + i] * x[i];
      h[o] = std::tanh(h[o]);
    }
    x.push_back(1);
    h.push_back(1);
    add(factors[0].a, x);
    add(factors[1].a, h);
    network.predict(one, std::span<double>(row));
    functional.prepare(std::span<double>(row), one.context(0, outputs));
    for (std::size_t k = 0; k < functional.cotangents(outputs); ++k) {
      functional.cotangent(k, std::span<const double>(row), one.context(0, outputs), std::span<double>(delta));
      network.pullback(one, std::span<const double>(delta), std::span<double>(gradient));
      const auto at = [&](std::size_t i) { return gradient.begin() + static_cast<std::ptrdiff_t>(i); };
      add(factors[0].g, {at(first_bias), at(first_bias + hidden)});
      add(factors[1].g, {at(last_bias), at(last_bias + outputs)});
    }
  }
  return factors;
}

/// A convolution whose outer products are its patches, one row per position; loops only.
struct SlowConvolution {
  std::size_t channels, outputs, kernel, stride, padding, groups;
  bool biased;
  std::size_t in_height = 0, in_width = 0, height = 0, width = 0;

  static constexpr bool in_place = false;

  nn::Shape expected() const { return {}; }
  nn::Shape connect(nn::Shape in) {
    in_height = in[1];
    in_width = in[2];
    height = (in_height + 2 * padding - kernel) / stride + 1;
    width = (in_width + 2 * padding - kernel) / stride + 1;
    return {outputs, height, width};
  }
  std::size_t inputs() const { return channels / groups * kernel * kernel; }
  std::size_t positions() const { return height * width; }
  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {outputs, channels / groups, kernel, kernel}, BlockKind::convolution);
    if (biased) layout.add(prefix + ".bias", {outputs}, BlockKind::convolution);
  }
  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<T>(random.normal(first + i) / 3);
  }
  /// Element i of the patch at position t that group g looks at.
  template <class T>
  std::remove_const_t<T> patch(std::span<T> image, std::size_t g, std::size_t t, std::size_t i) const {
    const std::size_t channel = g * channels / groups + i / (kernel * kernel);
    const std::size_t row = t / width * stride + i / kernel % kernel, column = t % width * stride + i % kernel;
    if (row < padding || row >= in_height + padding || column < padding || column >= in_width + padding) return 0;
    return image[(channel * in_height + row - padding) * in_width + column - padding];
  }
  template <class T, class Backend>
  void forward(const Backend&, const nn::Flow<T>& flow, nn::Rows<const T> x, nn::Rows<T> y) const {
    for (std::size_t n = 0; n < x.count; ++n)
      for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t t = 0; t < positions(); ++t) {
          T sum = biased ? flow.theta[outputs * inputs() + o] : T(0);
          for (std::size_t i = 0; i < inputs(); ++i)
            sum += flow.theta[o * inputs() + i] * patch(x.row(n), o / (outputs / groups), t, i);
          y.row(n)[o * positions() + t] = sum;
        }
  }
  /// As a first layer alone: it makes no dx, and gradients for `moment::Sum` only.
  template <class T, class Backend, class Moment>
  void backward(const Backend&, const nn::Pass<Moment>& pass, const nn::Flow<T>&, nn::Rows<const T> x,
                nn::Rows<const T>, nn::Rows<T> dy, nn::Rows<T>, std::span<T> out) const {
    if (out.empty()) return;
    if (!pass.add) std::fill(out.begin(), out.end(), T(0));
    for (std::size_t n = 0; n < x.count; ++n)
      for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t t = 0; t < positions(); ++t) {
          const T d = dy.row(n)[o * positions() + t];
          if (biased) out[outputs * inputs() + o] += d;
          for (std::size_t i = 0; i < inputs(); ++i)
            out[o * inputs() + i] += d * patch(x.row(n), o / (outputs / groups), t, i);
        }
  }
  /// One sample at a time.
  template <class T, class Backend, class Take>
  void for_each_outer_product(const Backend&, const nn::Flow<T>&, nn::Rows<const T> x, nn::Rows<const T> dy,
                              const Take& take) const {
    const std::size_t rows = outputs / groups;
    std::vector<T> patches(positions() * inputs()), deltas(positions() * rows);
    for (std::size_t n = 0; n < x.count; ++n)
      for (std::size_t g = 0; g < groups; ++g) {
        for (std::size_t t = 0; t < positions(); ++t) {
          for (std::size_t i = 0; i < inputs(); ++i) patches[t * inputs() + i] = patch(x.row(n), g, t, i);
          for (std::size_t o = 0; o < rows; ++o) deltas[t * rows + o] = dy.row(n)[(g * rows + o) * positions() + t];
        }
        take(g, nn::Rows<const T>{patches.data(), positions(), inputs()},
             nn::Rows<const T>{deltas.data(), positions(), rows});
      }
  }
};

/// One type for all networks here.
using Network =
    nn::Network<double, std::vector<std::variant<nn::Linear, nn::Tanh, nn::Flatten, nn::Heads, nn::Conv2d,
                                                 SlowConvolution, decltype(nn::residual(nn::Tanh{}, nn::Linear{}))>>>;

Network tanh_network() { return Network({nn::Linear{4, 3}, nn::Tanh{}, nn::Linear{3, 5}}, 3); }

/// Factors for two small layers, positive definite, from a seed.
Factors random_factors(std::uint64_t seed) {
  Factors factors(2);
  factors[0].site = {"0", 0, 12, true, 3, 5};
  factors[1].site = {"2", 15, 0, false, 2, 3};
  const Random random(seed);
  std::uint64_t draw = 0;
  const auto definite = [&](std::size_t side) {
    Matrix root(static_cast<Eigen::Index>(side), static_cast<Eigen::Index>(side));
    for (Eigen::Index i = 0; i < root.size(); ++i) root.data()[i] = random.normal(draw++);
    return elements(root * root.transpose());
  };
  for (auto& [site, a, g] : factors) {
    a = definite(site.columns);
    g = definite(site.rows);
  }
  return factors;
}
constexpr std::size_t parameters_of_factors = 21;

std::vector<double> random_values(std::size_t count, std::uint64_t seed) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(Random(seed).normal(i));
  return values;
}

/// Σ_k A_k ⊗ G_k of the state, P x P.
Matrix dense(const KroneckerState<double>& state, std::size_t parameters) {
  const auto size = static_cast<Eigen::Index>(parameters);
  Matrix sum = Matrix::Zero(size, size);
  for (const auto& layer : state.layers)
    for (const auto& pair : layer.pairs) sum += dense(Factors{{layer.site, pair.a, pair.g}}, parameters);
  return sum;
}

/// The state after these tasks, all of which ended at `anchor`.
KroneckerState<double> absorbed(const KroneckerPenalty& penalty, const std::vector<Factors>& tasks,
                                const std::vector<double>& anchor, importance::MergeWeights weights = {}) {
  KroneckerState<double> state;
  for (const Factors& task : tasks) penalty.absorb(state, {task, {}}, std::span<const double>(anchor), weights);
  return state;
}

struct ValueAndGradient {
  double value;
  Eigen::VectorXd gradient;
};

ValueAndGradient evaluated(const KroneckerPenalty& penalty, KroneckerState<double>& state,
                           const std::vector<double>& theta) {
  ValueAndGradient result{0, Eigen::VectorXd::Constant(static_cast<Eigen::Index>(theta.size()), 99)};
  result.value = penalty.gradient(state, backend::Serial{}, std::span<const double>(theta),
                                  std::span<double>(result.gradient.data(), theta.size()));
  return result;
}

static_assert(StructuredPenalty<KroneckerPenalty>);
static_assert(PenaltyPolicy<KroneckerPenalty>);
static_assert(ImportancePolicy<KroneckerFisher>);

}  // namespace

TEST_CASE("KFAC is the Fisher information itself for one linear layer and one sample", "[kronecker]") {
  auto network = Network({nn::Linear{4, 3}});
  const RandomBatch<double> data(5, 4, 3);
  for (const Labels labels : {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical})
    for (std::size_t n = 0; n < data.size; ++n) {
      const Batch<double> one = data.batch().sample(n);
      const Factors factors = estimated(KroneckerFisher{.labels = labels, .seed = 9}, network, {one});
      const Matrix fisher = full_fisher(network, one, test::log_likelihood(labels));
      CHECK(difference(dense(factors, network.parameters().size()), fisher) < 1e-12);
    }
}

TEST_CASE("KFAC of a mean over samples is not the Fisher information of their mean", "[kronecker]") {
  auto network = Network({nn::Linear{4, 3}});
  const RandomBatch<double> data(5, 4, 3);
  const Factors factors = estimated(KroneckerFisher{}, network, {data.batch()});
  CHECK(difference(dense(factors, network.parameters().size()),
                   full_fisher(network, data.batch(), test::log_likelihood(Labels::exact))) > 0.01);
}

TEST_CASE("Kronecker factors are means over samples and sums over cotangents", "[kronecker]") {
  auto network = tanh_network();
  RandomBatch<double> data(7, 4, 5);
  for (const bool ranges : {false, true}) {
    data.use_ranges(ranges);
    for (const Labels labels :
         {Labels::exact, Labels::sampled, Labels::predicted, Labels::empirical, Labels::weighted, Labels::unweighted}) {
      const Factors factors = estimated(KroneckerFisher{.labels = labels, .seed = 9}, network, {data.batch()});
      const Factors slow = slow_factors(network, data.batch(), test::log_likelihood(labels));
      CHECK(difference(factors, slow) < 1e-12);
      for (std::size_t l = 0; l < slow.size(); ++l) CHECK(factors[l].site == slow[l].site);
    }
  }
}

TEST_CASE("Kronecker factors take the likelihood and the draws that the Fisher information takes", "[kronecker]") {
  auto network = tanh_network();
  const RandomBatch<double> data(7, 4, 5);
  const Factors draws =
      estimated(KroneckerFisher{.labels = Labels::sampled, .seed = 9, .draws = 4}, network, {data.batch()});
  const importance::LogLikelihood sampled{Labels::sampled, 9, 4};
  CHECK(difference(draws, slow_factors(network, data.batch(), sampled)) < 1e-12);
  const Factors normal =
      estimated(nn::KroneckerFisherOf<importance::Gaussian>{.likelihood = {.variance = 0.25}}, network, {data.batch()});
  const importance::LogLikelihoodOf<importance::Gaussian> gaussian{.likelihood = {.variance = 0.25}};
  CHECK(difference(normal, slow_factors(network, data.batch(), gaussian)) < 1e-12);
}

TEST_CASE("Kronecker factors do not depend on how samples are cut into batches", "[kronecker]") {
  auto network = tanh_network();
  const RandomBatch<double> data(7, 4, 5);
  const Batch<double> whole = data.batch();
  std::vector<Batch<double>> ones;
  for (std::size_t n = 0; n < data.size; ++n) ones.push_back(whole.sample(n));
  for (const Labels labels : {Labels::exact, Labels::sampled}) {
    const KroneckerFisher importance{.labels = labels, .seed = 9};
    CHECK(difference(estimated(importance, network, ones), estimated(importance, network, {whole})) < 1e-12);
  }
}

TEST_CASE("the positions of a linear layer are summed in A and averaged in G", "[kronecker]") {
  constexpr std::size_t positions = 3, in = 2, out = 4;
  const RandomBatch<double> data(5, positions * in, 6);
  auto network = Network(nn::Shape{positions, in},
                         {nn::Linear{in, out}, nn::Tanh{}, nn::Flatten{}, nn::Linear{positions * out, 6}});
  // The same first layer with an output vector of its own for every position, whose bias gradients are the d_nt.
  auto apart = Network({nn::Linear{positions * in, positions * out}, nn::Tanh{}, nn::Linear{positions * out, 6}});
  const auto theta = network.parameters();
  const auto wide = apart.parameters();
  const std::size_t wide_bias = positions * positions * in * out;
  std::fill(wide.begin(), wide.end(), 0.0);
  for (std::size_t t = 0; t < positions; ++t)
    for (std::size_t o = 0; o < out; ++o) {
      for (std::size_t i = 0; i < in; ++i) wide[(t * out + o) * positions * in + t * in + i] = theta[o * in + i];
      wide[wide_bias + t * out + o] = theta[out * in + o];
    }
  std::copy(theta.begin() + (in + 1) * out, theta.end(),
            wide.begin() + static_cast<std::ptrdiff_t>(wide_bias + positions * out));

  const Factors factors = estimated(KroneckerFisher{}, network, {data.batch()});
  const Factors slow = estimated(KroneckerFisher{}, apart, {data.batch()});
  Matrix g = Matrix::Zero(out, out);
  for (Eigen::Index t = 0; t < static_cast<Eigen::Index>(positions); ++t)
    g += square(slow[0].g).block(t * static_cast<Eigen::Index>(out), t * static_cast<Eigen::Index>(out), out, out) /
         static_cast<double>(positions);
  Matrix a = Matrix::Zero(in + 1, in + 1);
  for (std::size_t row = 0; row < data.size * positions; ++row) {
    const Eigen::Vector3d x(data.inputs[row * in], data.inputs[row * in + 1], 1);
    a += x * x.transpose() / static_cast<double>(data.size);
  }
  CHECK(difference(square(factors[0].a), a) < 1e-12);
  CHECK(difference(square(factors[0].g), g) < 1e-12);
  CHECK(difference(square(factors[1].g), square(slow[1].g)) < 1e-12);
}

TEST_CASE("a convolution has the factors of its patches, each group its own", "[kronecker]") {
  constexpr std::size_t channels = 2, side = 4, outputs = 4, kernel = 2, patches = 9;
  const RandomBatch<double> data(5, channels * side * side, 3);
  for (const std::size_t groups : {std::size_t{1}, std::size_t{2}})
    for (const bool biased : {true, false}) {
      const SlowConvolution convolution{channels, outputs, kernel, 1, 0, groups, biased};
      auto network = Network(nn::Shape{channels, side, side},
                             {convolution, nn::Tanh{}, nn::Flatten{}, nn::Linear{outputs * patches, 3}});
      const Factors factors = estimated(KroneckerFisher{}, network, {data.batch()});
      REQUIRE(factors.size() == groups + 1);
      // The gradients of the convolution's outputs are those of the biases of a linear layer that has its outputs.
      auto behind =
          Network({nn::Linear{outputs * patches, outputs * patches}, nn::Tanh{}, nn::Linear{outputs * patches, 3}});
      const auto theta = network.parameters();
      const std::size_t convolved = theta.size() - (outputs * patches + 1) * 3;
      SlowConvolution first = convolution;
      first.connect({channels, side, side});
      std::vector<double> made(data.size * outputs * patches);
      nn::LayerMemory<double> memory;
      AlignedVector<double> scratch;
      const nn::Flow<double> flow{theta.first(convolved),   {}, memory, scratch, nn::Mode::evaluate,
                                  Random(0, Purpose::user), 0};
      first.forward(backend::Serial{}, flow, nn::Rows<const double>{data.inputs.data(), data.size, data.features},
                    nn::Rows<double>{made.data(), data.size, outputs * patches});
      const auto wide = behind.parameters();
      std::fill(wide.begin(), wide.end(), 0.0);
      for (std::size_t i = 0; i < outputs * patches; ++i) wide[i * outputs * patches + i] = 1;
      std::copy(theta.begin() + static_cast<std::ptrdiff_t>(convolved), theta.end(),
                wide.end() - static_cast<std::ptrdiff_t>(theta.size() - convolved));
      Batch<double> given = data.batch();
      given.features = outputs * patches;
      given.inputs = made;
      const Factors apart = estimated(KroneckerFisher{}, behind, {given});
      CHECK(difference(square(factors.back().g), square(apart[1].g)) < 1e-12);

      const std::size_t rows = outputs / groups, inputs = channels / groups * kernel * kernel;
      for (std::size_t group = 0; group < groups; ++group) {
        const auto& [site, a, g] = factors[group];
        CHECK(site.name == "0");
        CHECK(site.weight == group * rows * inputs);
        CHECK((!biased || site.bias == outputs * inputs + group * rows));
        REQUIRE(site.rows == rows);
        REQUIRE(site.columns == inputs + (biased ? 1 : 0));
        Matrix slow_a = Matrix::Zero(static_cast<Eigen::Index>(site.columns), static_cast<Eigen::Index>(site.columns));
        for (std::size_t n = 0; n < data.size; ++n)
          for (std::size_t t = 0; t < patches; ++t) {
            Eigen::VectorXd x = Eigen::VectorXd::Ones(slow_a.rows());
            for (std::size_t i = 0; i < inputs; ++i)
              x[static_cast<Eigen::Index>(i)] =
                  first.patch(std::span(data.inputs).subspan(n * data.features, data.features), group, t, i);
            slow_a += x * x.transpose() / static_cast<double>(data.size);
          }
        CHECK(difference(square(a), slow_a) < 1e-12);
        Matrix slow_g = Matrix::Zero(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(rows));
        const Matrix all = square(apart[0].g);
        for (std::size_t t = 0; t < patches; ++t)
          for (std::size_t o = 0; o < rows; ++o)
            for (std::size_t p = 0; p < rows; ++p)
              slow_g(static_cast<Eigen::Index>(o), static_cast<Eigen::Index>(p)) +=
                  all(static_cast<Eigen::Index>((group * rows + o) * patches + t),
                      static_cast<Eigen::Index>((group * rows + p) * patches + t)) /
                  static_cast<double>(patches);
        CHECK(difference(square(g), slow_g) < 1e-12);
      }
      const KroneckerPenalty penalty;
      const std::vector<double> anchor(theta.size());
      auto state = absorbed(penalty, {factors}, anchor);
      const std::vector<double> moved(theta.begin(), theta.end());
      const Eigen::Map<const Eigen::VectorXd> move(moved.data(), static_cast<Eigen::Index>(moved.size()));
      const Eigen::VectorXd expected = dense(factors, moved.size()) * move;
      CHECK((evaluated(penalty, state, moved).gradient - expected).cwiseAbs().maxCoeff() <
            1e-12 * expected.cwiseAbs().maxCoeff());
    }
}

TEST_CASE("the factors of Conv2d are those of its patches", "[kronecker]") {
  const auto check = [](std::size_t in, std::size_t out, std::size_t kernel, std::size_t stride, std::size_t padding,
                        std::size_t groups) {
    const nn::Shape image{in, 6, 5};
    const RandomBatch<double> data(4, image.size(), 3);
    SlowConvolution slow{in, out, kernel, stride, padding, groups, true};
    const std::size_t made = slow.connect(image).size();
    auto network = Network(
        image, {nn::Conv2d{in, out, kernel, stride, padding, groups}, nn::Tanh{}, nn::Flatten{}, nn::Linear{made, 3}});
    auto expected = Network(image, {slow, nn::Tanh{}, nn::Flatten{}, nn::Linear{made, 3}});
    std::copy(network.parameters().begin(), network.parameters().end(), expected.parameters().begin());
    const Factors factors = estimated(KroneckerFisher{}, network, {data.batch()});
    const Factors patches = estimated(KroneckerFisher{}, expected, {data.batch()});
    REQUIRE(factors.size() == groups + 1);
    CHECK(difference(factors, patches) < 1e-12);
    for (std::size_t l = 0; l < factors.size(); ++l) CHECK(factors[l].site == patches[l].site);
  };
  check(2, 4, 3, 1, 0, 1);
  check(2, 4, 3, 2, 1, 1);
  check(4, 6, 3, 1, 2, 2);
  check(3, 6, 2, 2, 1, 3);  // depthwise
  check(4, 3, 1, 1, 0, 1);  // 1x1
}

TEST_CASE("Kronecker factors are found inside residual blocks and for each head", "[kronecker]") {
  const RandomBatch<double> data(6, 4, 5);
  auto network = Network({nn::Linear{4, 3}, nn::residual(nn::Tanh{}, nn::Linear{3, 3}), nn::Heads{3, {2, 3}}});
  const Factors factors = estimated(KroneckerFisher{}, network, {data.batch()});
  REQUIRE(factors.size() == 4);
  CHECK(factors[1].site.name == "1.1");
  CHECK(factors[2].site.name == "2.0");
  CHECK(factors[3].site.name == "2.1");
  // One sample: all blocks of the Fisher information on the diagonal are exact.
  const Batch<double> one = data.batch().sample(2);
  const Factors exact = estimated(KroneckerFisher{}, network, {one});
  const Matrix fisher = full_fisher(network, one, test::log_likelihood(Labels::exact));
  const Matrix product = dense(exact, network.parameters().size());
  for (const auto& [site, a, g] : exact) {
    const auto first = static_cast<Eigen::Index>(site.weight);
    const auto size = static_cast<Eigen::Index>(site.rows * site.columns);
    CHECK(difference(product.block(first, first, size, size), fisher.block(first, first, size, size)) < 1e-12);
  }
}

TEST_CASE("the Kronecker penalty is the quadratic form of A and G written out", "[kronecker]") {
  const std::vector<Factors> tasks{random_factors(1), random_factors(2), random_factors(3)};
  const auto anchor = random_values(parameters_of_factors, 4), theta = random_values(parameters_of_factors, 5);
  const KroneckerPenalty penalty{.strength = 1.7, .sum = KroneckerSum::exact};
  auto state = absorbed(penalty, tasks, anchor);
  const auto size = static_cast<Eigen::Index>(parameters_of_factors);
  Matrix fisher = Matrix::Zero(size, size);
  for (const Factors& task : tasks) fisher += dense(task, parameters_of_factors);
  const Eigen::VectorXd move =
      Eigen::Map<const Eigen::VectorXd>(theta.data(), size) - Eigen::Map<const Eigen::VectorXd>(anchor.data(), size);
  const auto [value, gradient] = evaluated(penalty, state, theta);
  CHECK_THAT(value, test::WithinRel(1.7 / 2 * move.dot(fisher * move), 1e-12));
  CHECK((gradient - 1.7 * fisher * move).cwiseAbs().maxCoeff() < 1e-12 * gradient.cwiseAbs().maxCoeff());
  // By vec: the rows of W one after the other make vec(ΔW) with G ⊗ A.
  const auto& [site, a, g] = tasks[0][1];
  const Eigen::VectorXd w = move.segment(static_cast<Eigen::Index>(site.weight), 6);
  const Matrix block = dense(tasks[0], parameters_of_factors).block(15, 15, 6, 6);
  CHECK(difference(kronecker(square(g), square(a)), block) < 1e-12);
}

TEST_CASE("the gradient of the Kronecker penalty is the derivative of its value", "[kronecker]") {
  const std::vector<Factors> tasks{random_factors(1), random_factors(2)};
  const auto anchor = random_values(parameters_of_factors, 4);
  auto theta = random_values(parameters_of_factors, 5);
  for (const KroneckerSum sum : {KroneckerSum::exact, KroneckerSum::nearest, KroneckerSum::additive}) {
    const KroneckerPenalty penalty{.strength = 0.3, .sum = sum};
    auto state = absorbed(penalty, tasks, anchor);
    const auto gradient = evaluated(penalty, state, theta).gradient;
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const double before = theta[i], step = 1e-3;  // exact for a quadratic but for rounding
      theta[i] = before + step;
      const double above = evaluated(penalty, state, theta).value;
      theta[i] = before - step;
      const double below = evaluated(penalty, state, theta).value;
      theta[i] = before;
      CHECK_THAT(gradient[static_cast<Eigen::Index>(i)], test::WithinAbs((above - below) / (2 * step), 1e-9));
    }
  }
}

TEST_CASE("one task is its own nearest Kronecker product", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4);
  const Matrix expected = dense(random_factors(1), parameters_of_factors);
  for (const KroneckerSum sum : {KroneckerSum::exact, KroneckerSum::nearest, KroneckerSum::additive})
    CHECK(difference(dense(absorbed({.sum = sum}, {random_factors(1)}, anchor), parameters_of_factors), expected) <
          1e-14);
}

TEST_CASE("the nearest Kronecker product is the best of rank one", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4);
  const Factors old = random_factors(1), added = random_factors(2);
  const importance::MergeWeights weights{0.7, 1.3};
  auto state = absorbed({}, {old}, anchor);
  KroneckerPenalty{}.absorb(state, {added, {}}, std::span<const double>(anchor), weights);
  for (std::size_t l = 0; l < old.size(); ++l) {
    const auto vec = [](const AlignedVector<double>& values) {
      return Eigen::VectorXd(
          Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size())));
    };
    const Matrix sum =
        0.7 * vec(old[l].a) * vec(old[l].g).transpose() + 1.3 * vec(added[l].a) * vec(added[l].g).transpose();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> squares(sum.transpose() * sum);  // ascending eigenvalues
    const Eigen::VectorXd right = squares.eigenvectors().rightCols<1>();
    const Matrix best = sum * right * right.transpose();
    const auto& pair = state.layers[l].pairs.front();
    REQUIRE(state.layers[l].pairs.size() == 1);
    CHECK(difference(vec(pair.a) * vec(pair.g).transpose(), best) < 1e-12);
    CHECK_THAT(vec(pair.a).norm(), test::WithinRel(vec(old[l].a).norm(), 1e-12));
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> a(square(pair.a)), g(square(pair.g));
    CHECK(a.eigenvalues().minCoeff() > 0);
    CHECK(g.eigenvalues().minCoeff() > 0);
  }
}

TEST_CASE("equal tasks add up in the nearest product and multiply in the additive one", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4);
  const std::vector<Factors> tasks(5, random_factors(1));
  const Matrix one = dense(tasks[0], parameters_of_factors);
  const auto sum = [&](KroneckerSum rule) {
    return dense(absorbed({.sum = rule}, tasks, anchor), parameters_of_factors);
  };
  CHECK(difference(sum(KroneckerSum::exact), 5 * one) < 1e-12);
  CHECK(difference(sum(KroneckerSum::nearest), 5 * one) < 1e-12);
  CHECK(difference(sum(KroneckerSum::additive), 25 * one) < 1e-12);
}

TEST_CASE("the additive product is that of the published code", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4);
  const Factors old = random_factors(1), added = random_factors(2);
  const auto state = absorbed({.sum = KroneckerSum::additive}, {old, added}, anchor);
  for (std::size_t l = 0; l < old.size(); ++l) {
    const Matrix a1 = square(old[l].a), g1 = square(old[l].g), a2 = square(added[l].a), g2 = square(added[l].g);
    const double pi = std::sqrt(g1.trace() * a2.trace() / (g2.trace() * a1.trace()));
    const Matrix a = square(state.layers[l].pairs[0].a), g = square(state.layers[l].pairs[0].g);
    CHECK(difference(a, a1 + a2 / pi) < 1e-12);
    CHECK(difference(g, g1 + pi * g2) < 1e-12);
    const double root = std::sqrt(a1.trace() * g1.trace()) + std::sqrt(a2.trace() * g2.trace());
    CHECK_THAT(a.trace() * g.trace(), test::WithinRel(root * root, 1e-12));
  }
}

TEST_CASE("a task without importance changes no Kronecker product", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4);
  Factors no_gradients = random_factors(2), no_inputs = random_factors(2);
  for (auto& factors : no_gradients) factors.g.assign(factors.g.size(), 0.0);
  for (auto& factors : no_inputs) factors.a.assign(factors.a.size(), 0.0);
  const Matrix expected = dense(random_factors(1), parameters_of_factors);
  for (const KroneckerSum sum : {KroneckerSum::exact, KroneckerSum::nearest, KroneckerSum::additive})
    for (const Factors& nothing : {no_gradients, no_inputs})
      for (const auto& tasks : {std::vector{random_factors(1), nothing}, std::vector{nothing, random_factors(1)}})
        CHECK(difference(dense(absorbed({.sum = sum}, tasks, anchor), parameters_of_factors), expected) < 1e-14);
}

TEST_CASE("many tasks neither blow up nor wear out a factor", "[kronecker]") {
  const std::vector<float> anchor(parameters_of_factors);
  KroneckerState<float> state;
  for (std::uint64_t task = 0; task < 300; ++task) {
    std::vector<KroneckerFactors<float>> factors;
    for (const auto& [site, a, g] : random_factors(task)) {
      factors.push_back({site, {a.begin(), a.end()}, {g.begin(), g.end()}});
      for (float& value : factors.back().g) value *= 1e-5F;
    }
    KroneckerPenalty{}.absorb(state, {factors, {}}, std::span<const float>(anchor), importance::MergeWeights{1, 1});
  }
  for (const auto& layer : state.layers) {
    const float size = *std::max_element(layer.pairs[0].g.begin(), layer.pairs[0].g.end());
    CHECK(size > 300 * 1e-6F);
    CHECK(size < 300 * 1e-3F);
  }
}

TEST_CASE("older tasks fade from Kronecker products as the merge rule says", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4);
  const std::vector<Factors> tasks{random_factors(1), random_factors(2), random_factors(3)};
  const auto weights = Merge::decay(0.5).weights(1);
  const Matrix expected = 0.25 * dense(tasks[0], parameters_of_factors) + 0.5 * dense(tasks[1], parameters_of_factors) +
                          dense(tasks[2], parameters_of_factors);
  CHECK(difference(dense(absorbed({.sum = KroneckerSum::exact}, tasks, anchor, weights), parameters_of_factors),
                   expected) < 1e-12);
  const std::vector<Factors> equal(3, random_factors(1));
  CHECK(difference(dense(absorbed({}, equal, anchor, weights), parameters_of_factors),
                   1.75 * dense(equal[0], parameters_of_factors)) < 1e-12);
  const auto last = absorbed({.sum = KroneckerSum::exact}, tasks, anchor, Merge::last().weights(1));
  CHECK(last.layers[0].pairs.size() == 1);
  CHECK(difference(dense(last, parameters_of_factors), dense(tasks[2], parameters_of_factors)) < 1e-14);
}

TEST_CASE("the Kronecker penalty counts its bytes, which only the exact sum lets grow", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4);
  const std::size_t pair = (25 + 9 + 9 + 4) * sizeof(double);
  const std::size_t fixed = (parameters_of_factors + 3 * 15 + 3) * sizeof(double);  // θ*, work arrays, row values
  CHECK(KroneckerState<double>{}.bytes() == 0);
  const std::vector<Factors> tasks{random_factors(1), random_factors(2), random_factors(3)};
  CHECK(absorbed({.sum = KroneckerSum::nearest}, tasks, anchor).bytes() == fixed + pair);
  CHECK(absorbed({.sum = KroneckerSum::additive}, tasks, anchor).bytes() == fixed + pair);
  CHECK(absorbed({.sum = KroneckerSum::exact}, tasks, anchor).bytes() == fixed + 3 * pair);
}

TEST_CASE("factors that are not finite are refused by layer and change nothing", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4), theta = random_values(parameters_of_factors, 5);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const KroneckerPenalty penalty;
    auto state = absorbed(penalty, {random_factors(1)}, anchor);
    const auto before = evaluated(penalty, state, theta);
    Factors factors = random_factors(2);
    factors[1].g[3] = bad;
    CHECK(test::message_of<NumericError>([&] {
            penalty.absorb(state, {factors, {}}, std::span<const double>(theta), importance::MergeWeights{1, 1});
          }) == "the importance of layer 2: its factor G holds " + detail::text(bad));
    factors[0].a[0] = bad;
    CHECK_THAT(test::message_of<NumericError>([&] {
                 penalty.absorb(state, {factors, {}}, std::span<const double>(theta), importance::MergeWeights{1, 1});
               }),
               test::ContainsSubstring("layer 0: its factor A"));
    const auto after = evaluated(penalty, state, theta);
    CHECK(after.value == before.value);
    CHECK(after.gradient == before.gradient);
  }
}

TEST_CASE("layers behind the known ones begin later, other layers are refused", "[kronecker]") {
  const auto anchor = random_values(parameters_of_factors, 4);
  const Factors both = random_factors(1);
  auto state = absorbed({.sum = KroneckerSum::exact}, {{both[0]}, both}, anchor);
  CHECK(state.layers[0].pairs.size() == 2);
  CHECK(state.layers[1].pairs.size() == 1);
  const Factors other{both[1]};
  CHECK_THAT(
      test::message_of<ShapeMismatch>([&] {
        KroneckerPenalty{}.absorb(state, {other, {}}, std::span<const double>(anchor), importance::MergeWeights{1, 1});
      }),
      test::ContainsSubstring("do not begin with those of the tasks before"));
  CHECK(state.layers.size() == 2);
}

#if defined(_OPENMP)
TEST_CASE("Kronecker factors and penalty are bitwise the same for any number of threads", "[kronecker]") {
  const RandomBatch<float> data(150, 301, 10);
  const auto run = [&](int threads) {
    const backend::OpenMP backend{threads};
    auto network = nn::mlp<float>({301, 203, 10}, {.seed = 2}, backend);
    const std::vector<Batch<float>> batches{data.batch()};
    const auto estimate = importance::estimate(KroneckerFisher{.labels = Labels::sampled}, network, batches);
    const auto& factors = estimate.layers;
    KroneckerState<float> state;
    const std::vector<float> anchor(network.parameters().size());
    const KroneckerPenalty penalty;
    for (int task = 0; task < 2; ++task)
      penalty.absorb(state, estimate, std::span<const float>(anchor), importance::MergeWeights{1, 1});
    std::vector<float> gradient(anchor.size());
    const double value =
        penalty.gradient(state, backend, std::span<const float>(network.parameters()), std::span<float>(gradient));
    return std::tuple{factors[0].a, factors[0].g, factors[1].a, value, gradient};
  };
  const auto serial = run(1);
  CHECK(run(2) == serial);
  CHECK(run(3) == serial);
}
#endif

TEST_CASE("settings of the Kronecker penalty are checked", "[kronecker]") {
  CHECK(test::message_of<InvalidArgument>([] { KroneckerPenalty{.strength = -1}.validate(); }) ==
        "KroneckerPenalty.strength must be a finite number of at least 0, but is -1");
  CHECK_THROWS_AS(KroneckerFisher{.draws = 0}.validate(), InvalidArgument);
  CHECK_THROWS_AS(KroneckerFisher{.merge = Merge::decay(2)}.validate(), InvalidArgument);
}

TEST_CASE("a learner with Kronecker-factored importance holds on to what it learned", "[kronecker]") {
  const RandomBatch<double> first(40, 4, 5, 1), second(40, 4, 5, 2);
  const std::vector<Batch<double>> task{first.batch()};
  const auto forgetting = [&](double strength, KroneckerSum sum) {
    Learner learner(tanh_network(), KroneckerFisher{}, KroneckerPenalty{.strength = strength, .sum = sum},
                    optimizer::Adam{.learning_rate = 0.01});
    for (int step = 0; step < 300; ++step) CHECK(learner.step(first.batch()).penalty == 0);
    learner.consolidate(task);
    CHECK(learner.penalty_value() == 0);
    const double before = learner.model().loss(first.batch());
    double last = 0;
    for (int step = 0; step < 300; ++step) last = learner.step(second.batch()).penalty;
    if (strength > 0) {
      CHECK(last > 0);
      CHECK(learner.penalty_value() > 0);
    }
    CHECK(learner.state_bytes() > 3 * learner.parameters().size() * sizeof(double));
    const double loss = learner.model().loss(first.batch());
    learner.consolidate(task);
    CHECK(learner.tasks() == 2);
    CHECK(learner.penalty_value() == 0);  // the anchor is where θ is
    return loss - before;
  };
  const double without = forgetting(0, KroneckerSum::nearest);
  CHECK(forgetting(10, KroneckerSum::nearest) < 0.2 * without);
  CHECK(forgetting(10, KroneckerSum::exact) < 0.2 * without);
}

TEST_CASE("a learner with Kronecker-factored importance says what it does", "[kronecker]") {
  const RandomBatch<double> data(6, 4, 5);
  Learner learner(tanh_network(), KroneckerFisher{.labels = Labels::sampled, .merge = Merge::decay(0.9), .seed = 3},
                  KroneckerPenalty{.strength = 4}, optimizer::Sgd{});
  CHECK_THAT(learner.recipe(), test::ContainsSubstring("KroneckerFisher("));
  CHECK_THAT(learner.recipe(),
             test::ContainsSubstring("labels sampled, draws 1, seed 3, mean over samples, merge decay 0.9); "
                                     "KroneckerPenalty(strength 4, sum nearest, anchor last); Sgd("));
  CHECK_THAT((KroneckerPenalty{.sum = KroneckerSum::exact}.recipe()), test::ContainsSubstring("sum exact"));
  CHECK_THAT((KroneckerPenalty{.sum = KroneckerSum::additive}.recipe()), test::ContainsSubstring("sum additive"));
}

}  // namespace kronecker_test
