// SPDX-License-Identifier: MIT
// What a module gives for samples: rows of one type, each of one sample and of no other.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <torch/nn.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <lifelong/adapter/torch/arrays.hpp>
#include <lifelong/adapter/torch/guard.hpp>
#include <lifelong/adapter/torch/trace.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>

namespace lifelong::libtorch::detail {

/// Values in a sample of this shape. \throws InvalidArgument for an extent below 1, or if they do not fit in memory.
inline std::size_t count_of(const std::vector<std::int64_t>& shape) {
  std::vector<std::size_t> extents;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] < 1)
      raise<InvalidArgument>("input_shape[" + std::to_string(d) + "] must be at least 1, but is " +
                             std::to_string(shape[d]));
    extents.push_back(static_cast<std::size_t>(shape[d]));
  }
  const auto product = lifelong::detail::checked_product(extents);
  if (!product)
    raise<InvalidArgument>("a sample of shape " + lifelong::detail::shape_text(extents) + " does not fit in memory");
  return *product;
}

/// \throws InvalidArgument for outputs that are not of type T.
template <class T>
void require_type(const Tensor& f) {
  if (!f.defined() || f.scalar_type() != dtype<T>)
    raise<InvalidArgument>(std::string("the module's outputs must be of type ") + c10::toString(dtype<T>) +
                           ", but are " + (f.defined() ? c10::toString(f.scalar_type()) : "undefined"));
}

/// \throws InvalidArgument for outputs of another type; ShapeMismatch unless they are N x anything with K values.
template <class T>
void require_outputs(const Tensor& f, std::size_t samples, std::size_t each) {
  require_type<T>(f);
  if (f.dim() == 0 || f.size(0) != to_int(samples) || f.numel() != to_int(samples * each))
    raise<ShapeMismatch>("the module's outputs for " + std::to_string(samples) +
                         (samples == 1 ? " sample are " : " samples are ") + shape_text(f) + ", but must have " +
                         std::to_string(each) + " for each, and the first extent must count samples");
}

/// Three samples of a batch; the first ones come again if it has fewer.
template <class T>
std::vector<T> three_of(const Batch<T>& batch) {
  std::vector<T> inputs;
  for (std::size_t n = 0; n < 3; ++n) {
    const auto row = batch.inputs.subspan(n % batch.size * batch.features, batch.features);
    inputs.insert(inputs.end(), row.begin(), row.end());
  }
  return inputs;
}

/// \throws InvalidArgument if rows of outputs, those of the samples from `first` on, differ by more than √ε `largest`.
/// The message says where one and the other were found.
template <class T>
void require_close(const Tensor& a, const Tensor& b, double largest, std::size_t first, const char* where_a,
                   const char* where_b) {
  const Tensor x = a.contiguous(), y = b.contiguous();
  const auto outputs = static_cast<std::size_t>(x.size(1));
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.numel()); ++i) {
    const double one = static_cast<double>(x.data_ptr<T>()[i]), other = static_cast<double>(y.data_ptr<T>()[i]);
    if (!lifelong::detail::is_finite(one) && !lifelong::detail::is_finite(other)) continue;  // reported elsewhere
    const double most = std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon())) * largest;
    if (lifelong::detail::is_finite(one - other) && std::abs(one - other) <= most) continue;
    raise<InvalidArgument>("in evaluation mode, output " + std::to_string(i % outputs) + " of sample " +
                           std::to_string(first + i / outputs) + " is " + lifelong::detail::text(one) + where_a +
                           lifelong::detail::text(other) + where_b);
  }
}

/// Compares what three samples give together with what each gives alone; `forward` returns N x K, on the
/// host.
/// \throws InvalidArgument if what a sample gives depends on the others, or on chance.
template <class T, class Forward>
void require_apart(const Batch<T>& three, Forward forward) {
  const Tensor together = forward(three), again = forward(three);
  const double largest = together.nan_to_num(0, 0, 0).abs().max().template item<double>();
  require_close<T>(together, again, largest, 0, " in one pass and ",
                   " in the next: the module draws random numbers, which it may do in training alone");
  for (std::size_t n = 0; n < 3; ++n)
    require_close<T>(together.narrow(0, to_int(n), 1), forward(three.sample(n)), largest, n, " among 3 samples and ",
                     " alone: the module mixes samples, as normalisation or attention over the batch does, or a "
                     "recurrent layer without batch_first");
}

/// True if the rows that the layers see are samples, for two samples as for three.
template <class T>
bool rows_are_samples(std::vector<Step>& steps, const Batch<T>& three, std::vector<std::int64_t> shape,
                      const Device& device) {
  for (const std::int64_t samples : {2, 3}) {
    shape[0] = samples;
    const auto inputs = three.inputs.first(static_cast<std::size_t>(samples) * three.features);
    if (!Trace(steps, copy_of(inputs, shape, device), true).is_intact(samples)) return false;
  }
  return true;
}

}  // namespace lifelong::libtorch::detail

#include <lifelong/config/pop_macros.hpp>
