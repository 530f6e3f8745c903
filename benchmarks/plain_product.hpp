// SPDX-License-Identifier: MIT
// The yardstick of arithmetic: one large matrix product.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <memory>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/nn/product/product.hpp>
#include <lifelong/nn/product/rows.hpp>

#include "suite.hpp"

namespace lifelong::benchmarks {

/// C = A·B of `side`² values, by this library's kernel or by Eigen's.
template <class T>
class PlainProduct {
 public:
  explicit PlainProduct(std::size_t side)
      : side_(side), a_(side * side, T(1)), b_(side * side, T(0.5)), c_(side * side) {
    Eigen::setNbThreads(1);  // its threads would spin while others are timed
  }

  void own() {
    nn::product(backend::Serial{}, nn::Rows<const T>{a_.data(), side_, side_},
                nn::Rows<const T>{b_.data(), side_, side_}, nn::Rows<T>{c_.data(), side_, side_}, side_,
                nn::Add{false});
  }
  void eigen() {
    const auto side = static_cast<Eigen::Index>(side_);
    using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::Map<Matrix>(c_.data(), side, side).noalias() =
        Eigen::Map<const Matrix>(a_.data(), side, side) * Eigen::Map<const Matrix>(b_.data(), side, side);
  }

 private:
  std::size_t side_;
  AlignedVector<T> a_, b_, c_;
};

/// The faster of both, on one thread.
template <class T = float>
Yardstick plain_product(std::size_t side = 512) {
  const auto product = std::make_shared<PlainProduct<T>>(side);
  const double n = static_cast<double>(side);
  return {"plain product", {.flops = 2 * n * n * n}, {[product] { product->own(); }, [product] { product->eigen(); }}};
}

}  // namespace lifelong::benchmarks
