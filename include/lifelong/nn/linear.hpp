// The fully connected layer.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/core/moment.hpp>
#include <lifelong/core/random.hpp>
#include <lifelong/nn/layer.hpp>
#include <lifelong/nn/parallel.hpp>
#include <lifelong/nn/product.hpp>
#include <lifelong/nn/rows.hpp>

namespace lifelong::nn {

/// y = W x + b, W `out` x `in`. Parameters as PyTorch's `Linear`: `weight` {out, in} row-major, then `bias` {out}, both
/// drawn from U(-1/√in, 1/√in).
///
/// With one position per sample a sample's gradient is the outer product d xᵀ, and m(d xᵀ) = m(d) m(x)ᵀ for the moments
/// of `lifelong::moment`. So Σ_n Σ_k m(d_nk x_nᵀ) = (Σ_k m(D_k))ᵀ m(X): however many passes, one product. Exact.
struct Linear {
  std::size_t in = 0;
  std::size_t out = 0;

  static constexpr bool in_place = false;

  [[nodiscard]] std::size_t inputs() const { return in; }
  [[nodiscard]] std::size_t outputs(std::size_t) const { return out; }

  /// \throws InvalidArgument if a side is 0.
  void validate() const {
    if (in == 0 || out == 0)
      lifelong::detail::raise<InvalidArgument>("Linear{" + std::to_string(in) + ", " + std::to_string(out) +
                                               "} must have at least 1 input and 1 output");
  }

  void declare(Layout& layout, const std::string& prefix) const {
    layout.add(prefix + ".weight", {out, in});
    layout.add(prefix + ".bias", {out});
  }

  template <class T>
  void initialize(std::span<T> own, const Random& random, std::uint64_t first) const {
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<T>((2 * random.uniform(first + i) - 1) * bound);
  }

  /// Y = X Wᵀ + b.
  template <class T, class Backend>
  void forward(const Backend& backend, std::span<const T> own, Rows<const T> x, Rows<T> y) const {
    const T* bias = own.data() + in * out;
    product(backend, x, Transposed<T>{weight(own)}, y, in, [bias](auto& tile, std::size_t, std::size_t column) {
      tile.rowwise() = Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>>(bias + column, tile.cols());
    });
  }

  /// dX = dY W.
  template <class T, class Backend>
  void backward(const Backend& backend, std::span<const T> own, Rows<const T>, Rows<const T>, Rows<T> dy,
                Rows<T> dx) const {
    product(backend, Rows<const T>(dy), weight(own), dx, out, StartFromZero{});
  }

  /// Folds S = Σ_k m(dY_k); at the last pass weight = Sᵀ m(X) and bias = Σ_n S_n. One pass needs no array for S.
  template <class T, class Backend, class Moment>
  void accumulate(const Backend& backend, const Pass<Moment>& pass, Rows<const T> x, Rows<T> dy, LayerMemory<T> memory,
                  std::span<T> gradient) const {
    if (pass.seeds > 1) {
      fold(backend, pass, dy, memory);
      if (!pass.last()) return;
      dy.data = memory.kept.data();
    } else if constexpr (!std::same_as<Moment, moment::Sum>) {
      apply(backend, pass.moment, Rows<const T>(dy), dy.data);
    }
    if constexpr (!std::same_as<Moment, moment::Sum>) {
      detail::grow(memory.scratch, x.size());
      apply(backend, pass.moment, x, memory.scratch.data());
      x.data = memory.scratch.data();
    }
    multiply(backend, pass.add, x, Rows<const T>(dy), gradient);
  }

 private:
  template <class T>
  Rows<T> weight(std::span<T> own) const {
    return {own.data(), out, in};
  }

  /// to = m(from), in place if they are the same.
  template <class T, class Backend, class Moment>
  static void apply(const Backend& backend, const Moment& moment, Rows<const T> from, T* to) {
    detail::for_each_element<T>(backend, from.size(), [&, source = from.data]<class V>(std::size_t i) {
      store<V>(to, i, moment(load<V>(source, i)));
    });
  }

  /// S = m(dY) at the first pass, S += m(dY) after.
  template <class T, class Backend, class Moment>
  static void fold(const Backend& backend, const Pass<Moment>& pass, Rows<T> dy, LayerMemory<T> memory) {
    detail::grow(memory.kept, dy.size());
    T* sum = memory.kept.data();
    if (pass.first()) return apply(backend, pass.moment, Rows<const T>(dy), sum);
    detail::for_each_element<T>(backend, dy.size(), [&, source = dy.data]<class V>(std::size_t i) {
      store<V>(sum, i, load<V>(sum, i) + pass.moment(load<V>(source, i)));
    });
  }

  /// weight (+)= Sᵀ X; the tiles at the left edge sum their rows of the bias as well.
  template <class T, class Backend>
  void multiply(const Backend& backend, bool add, Rows<const T> x, Rows<const T> s, std::span<T> gradient) const {
    T* bias = gradient.data() + in * out;
    product(backend, Transposed<T>{s}, x, weight(gradient), x.count,
            [=](auto& tile, std::size_t row, std::size_t column) {
              if (!add) tile.setZero();
              if (column > 0) return;
              Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>> sums(bias + row, tile.rows());
              if (!add) sums.setZero();
              for (std::size_t n = 0; n < s.count; ++n)
                sums += Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>(s.row(n).data() + row, tile.rows());
            });
  }
};

}  // namespace lifelong::nn
