// SPDX-License-Identifier: MIT
// Turns a source of examples into batches.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <lifelong/backend/backend.hpp>
#include <lifelong/config.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/finite.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/stream/example_source.hpp>

namespace lifelong {

/// What becomes of the examples that are left over behind the last whole batch.
enum class LastBatch {
  keep,  ///< they are a batch of their own, which is shorter
  drop,  ///< they are left out
  merge  ///< they join the batch before them, which is longer; without one they are a batch
};

namespace detail {

/// How a number of examples is cut into batches.
struct BatchCut {
  std::size_t examples, batch_size;
  LastBatch last_batch;

  /// Number of batches.
  [[nodiscard]] std::size_t size() const {
    const std::size_t whole = examples / batch_size;
    const bool rest_is_a_batch = last_batch == LastBatch::keep || (last_batch == LastBatch::merge && whole == 0);
    return whole + (rest_is_a_batch && examples % batch_size != 0 ? 1 : 0);
  }
  /// The first example of a batch, and how many it has.
  [[nodiscard]] std::size_t first(std::size_t number) const { return number * batch_size; }
  [[nodiscard]] std::size_t count(std::size_t number) const {
    const bool takes_rest = last_batch != LastBatch::drop && number + 1 == size();
    return takes_rest ? examples - first(number) : batch_size;
  }

  /// \throws InvalidArgument for a batch size of 0, ShapeMismatch for an order of another length than the examples.
  void validate(std::span<const std::uint32_t> order) const {
    if (batch_size == 0) raise<InvalidArgument>("the batch_size must be at least 1, but is 0");
    if (!order.empty()) require_size("the order of the examples", order.size(), examples);
  }
};

}  // namespace detail

/// The examples of a source as a range of batches of `batch_size` (the last as `last_batch` says; kept, a size above
/// the number of examples means all of them), in the order `order`, or in the source's own if that is empty. Rows are
/// read in parallel into `buffer`; a batch is valid until the next one is read. Nothing grows with the number of
/// examples, so a source may have any number. Examples of weight 0 are left out of their batch, which may be empty
/// then. Reading a batch throws NumericError for an input or target that is NaN or Inf, which names the example;
/// InvalidArgument for a weight that is negative or not finite; and OutOfMemory.
template <class T, class Examples, class Backend>
class BatchLoader {
  static_assert(detail::require_example_source<Examples, T>());
  static_assert(detail::require_backend<Backend>());

 public:
  /// Values are known to be finite once they are read.
  static constexpr bool finite_values = true;

  /// \throws InvalidArgument for a batch size of 0, ShapeMismatch for an order of another length than the examples.
  BatchLoader(const Examples& examples LIFELONG_LIFETIME_BOUND, std::size_t batch_size,
              BatchBuffer<T>& buffer LIFELONG_LIFETIME_BOUND, const Backend& backend LIFELONG_LIFETIME_BOUND,
              std::span<const std::uint32_t> order LIFELONG_LIFETIME_BOUND = {}, LastBatch last_batch = LastBatch::keep)
      : examples_(examples),
        batch_size_(batch_size),
        buffer_(buffer),
        backend_(backend),
        order_(order),
        last_batch_(last_batch) {
    cut().validate(order);
  }

  /// Number of batches.
  [[nodiscard]] std::size_t size() const { return cut().size(); }

  struct End {};
  /// An iterator, which fills the buffer with a batch when it is dereferenced.
  class Iterator {
   public:
    explicit Iterator(const BatchLoader& loader, std::size_t number = 0) : loader_(loader), number_(number) {}
    Batch<T> operator*() const { return loader_.load(number_); }
    Iterator& operator++() {
      ++number_;
      return *this;
    }
    friend bool operator==(const Iterator& at, End) { return at.number_ == at.loader_.size(); }

   private:
    const BatchLoader& loader_;
    std::size_t number_;
  };
  [[nodiscard]] Iterator begin() const LIFELONG_LIFETIME_BOUND { return begin(0); }
  /// From batch number `first` on.
  [[nodiscard]] Iterator begin(std::size_t first) const LIFELONG_LIFETIME_BOUND { return Iterator(*this, first); }
  [[nodiscard]] End end() const { return {}; }

 private:
  static constexpr std::size_t rows_per_task = 16;

  [[nodiscard]] detail::BatchCut cut() const { return {examples_.size(), batch_size_, last_batch_}; }

  Batch<T> load(std::size_t number) const {
    const std::size_t first = cut().first(number), count = cut().count(number);
    buffer_.resize(count, examples_.features(), examples_.targets());
    bool finite = true;
    backend_.parallel_for((count + rows_per_task - 1) / rows_per_task, [&](std::size_t task) {
      const std::size_t begin = task * rows_per_task, rest_of_rows = count - begin;
      const std::size_t end = begin + (rest_of_rows < rows_per_task ? rest_of_rows : rows_per_task);
      for (std::size_t n = begin; n < end; ++n) {
        const std::size_t i = order_.empty() ? first + n : order_[first + n];
        examples_.read(i, buffer_.row(n, i));
      }
      if (!buffer_.all_finite(begin, end)) __atomic_store_n(&finite, false, __ATOMIC_RELAXED);
    });
    if (!finite) refuse(present_.of(buffer_.batch()));
    return present_.of(buffer_.batch());
  }

  /// Names the first value of a batch that is not finite, if there is one.
  static LIFELONG_ONE_COPY void refuse(const Batch<T>& batch) {
    const auto fault = [](std::span<const T> row, const char* what) {
      const std::size_t k = detail::first_not_finite(row);
      return k == row.size() ? std::string()
                             : what + std::to_string(k) + " is " + detail::text(static_cast<double>(row[k]));
    };
    for (std::size_t n = 0; n < batch.size; ++n) {
      std::string found = fault(batch.inputs.subspan(n * batch.features, batch.features), ", feature ");
      if (found.empty()) found = fault(batch.target(n), ", target ");
      if (!found.empty()) detail::raise<NumericError>("example " + std::to_string(batch.indices[n]) + found);
    }
  }

  const Examples& examples_;
  std::size_t batch_size_;
  BatchBuffer<T>& buffer_;
  const Backend& backend_;
  std::span<const std::uint32_t> order_;
  LastBatch last_batch_;
  mutable PresentSamples<T> present_;
};

namespace detail {

/// True for examples that make batches of their own kind, such as batches on a device, and a model that takes those.
/// They have `batch_type` and `batches(batch_size, order, last_batch)`, which returns what a `BatchLoader` is to
/// others.
template <class Examples, class Model>
concept brings_batches = requires(const Examples& examples, Model& model, const typename Examples::batch_type& batch,
                                  std::span<const std::uint32_t> order, std::span<typename Model::value_type> out) {
  examples.batches(std::size_t{}, order, LastBatch{});
  model.predict(batch, out);
};

/// The examples as a range of batches for a model: of their own kind if they bring them, else by a `BatchLoader`.
/// \throws as that.
template <class Model, class T, class Examples, class Backend>
auto batches_for(const Examples& examples, std::size_t batch_size, BatchBuffer<T>& buffer, const Backend& backend,
                 std::span<const std::uint32_t> order = {}, LastBatch last_batch = LastBatch::keep) {
  if constexpr (brings_batches<Examples, Model>)
    return examples.batches(batch_size, order, last_batch);
  else
    return BatchLoader<T, Examples, Backend>(examples, batch_size, buffer, backend, order, last_batch);
}

}  // namespace detail
}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
