// SPDX-License-Identifier: MIT
// Turns a source of examples into batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <lifelong/backend/backend.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/stream/example_source.hpp>

namespace lifelong {

/// The examples of a source as a range of batches of `batch_size` (the last may be shorter), in the order `order`, or
/// in the source's own if that is empty. Rows are read in parallel into `buffer`; a batch is valid until the next one
/// is read.
template <class T, class Examples, class Backend>
class BatchLoader {
  static_assert(detail::require_example_source<Examples, T>());
  static_assert(detail::require_backend<Backend>());

 public:
  BatchLoader(const Examples& examples, std::size_t batch_size, BatchBuffer<T>& buffer, const Backend& backend,
              std::span<const std::uint32_t> order = {})
      : examples_(examples), batch_size_(batch_size), buffer_(buffer), backend_(backend), order_(order) {}

  /// Number of batches.
  [[nodiscard]] std::size_t size() const { return (examples_.size() + batch_size_ - 1) / batch_size_; }

  struct End {};
  /// An iterator, which fills the buffer with a batch when it is dereferenced.
  class Iterator {
   public:
    Iterator(const BatchLoader& loader) : loader_(loader) {}
    Batch<T> operator*() const { return loader_.load(number_); }
    Iterator& operator++() {
      ++number_;
      return *this;
    }
    friend bool operator==(const Iterator& at, End) { return at.number_ == at.loader_.size(); }

   private:
    const BatchLoader& loader_;
    std::size_t number_ = 0;
  };
  [[nodiscard]] Iterator begin() const { return Iterator(*this); }
  [[nodiscard]] End end() const { return {}; }

 private:
  static constexpr std::size_t rows_per_task = 16;

  Batch<T> load(std::size_t number) const {
    const std::size_t first = number * batch_size_;
    const std::size_t rest = examples_.size() - first;
    const std::size_t count = rest < batch_size_ ? rest : batch_size_;
    buffer_.resize(count, examples_.features(), examples_.targets());
    backend_.parallel_for((count + rows_per_task - 1) / rows_per_task, [&](std::size_t task) {
      for (std::size_t n = task * rows_per_task; n < count && n < (task + 1) * rows_per_task; ++n) {
        const std::size_t i = order_.empty() ? first + n : order_[first + n];
        examples_.read(i, buffer_.row(n, i));
      }
    });
    return buffer_.batch();
  }

  const Examples& examples_;
  std::size_t batch_size_;
  BatchBuffer<T>& buffer_;
  const Backend& backend_;
  std::span<const std::uint32_t> order_;
};

}  // namespace lifelong
