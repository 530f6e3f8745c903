// SPDX-License-Identifier: MIT
// Forms batches on a device from examples that lie there.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/core/packet.hpp>
#include <lifelong/core/present_samples.hpp>
#include <lifelong/cuda/array.cuh>
#include <lifelong/cuda/backend.cuh>
#include <lifelong/cuda/batch.cuh>
#include <lifelong/cuda/lanes.cuh>
#include <lifelong/stream/feature_map.hpp>
#include <lifelong/stream/loader.hpp>

namespace lifelong::cuda::detail {

/// The magnitude of a value.
template <class T>
struct Magnitude {
  const T* values;

  template <class V>
  LIFELONG_HOST_DEVICE V operator()(std::size_t i) const {
    return abs(lifelong::load<V>(values, i));
  }
};

/// Examples: their inputs on the device, the rest on the host.
template <class T, class On>
struct ResidentData {
  std::size_t features = 0, targets_per_example = 0;
  Array<T, On> inputs;  ///< N x features
  std::vector<std::int32_t> labels;
  std::vector<OutputRange> active;
  AlignedVector<T> targets, weights;
  bool has_absent = false;  ///< whether a weight is 0

  /// Makes room for `count` examples. \throws std::bad_alloc, std::length_error
  void resize(std::size_t count) {
    inputs.resize(count * features);
    labels.resize(count);
    active.resize(count);
    targets.resize(count * targets_per_example);
    weights.resize(count);
  }
  /// Sets what is known of the examples from number `first` on besides their inputs.
  void set_facts(std::size_t first, const lifelong::Batch<T>& rows) {
    for (std::size_t n = 0; n < rows.size; ++n) {
      labels[first + n] = rows.labels.empty() ? -1 : rows.labels[n];
      active[first + n] = rows.active[n];
      weights[first + n] = rows.weights[n];
      has_absent = has_absent || rows.weights[n] == 0;
      for (std::size_t k = 0; k < targets_per_example; ++k)
        targets[(first + n) * targets_per_example + k] = rows.target(n)[k];
    }
  }
  /// Writes what is known of example `i` besides its inputs.
  void read(std::size_t i, ExampleRow<T> row) const {
    row.label = labels[i];
    row.active = active[i];
    row.weight = weights[i];
    for (std::size_t k = 0; k < targets_per_example; ++k) row.targets[k] = targets[i * targets_per_example + k];
  }
  /// The largest magnitude of an input. Waits.
  [[nodiscard]] T largest(const BasicBackend<On>& backend) const {
    return inputs.size() == 0 ? T(0) : backend.template maximum<T>(inputs.size(), Magnitude<T>{inputs.data()});
  }
};

/// The tables of a `FeatureMap` on the device.
template <class On>
struct MapTables {
  std::size_t taps;
  Array<std::uint32_t, On> index;
  Array<float, On> weight;

  MapTables(const FeatureMap& map, const BasicBackend<On>& backend) : taps(map.taps()) {
    lifelong::detail::with_memory(
        [&] {
          index.resize(map.index().size());
          weight.resize(map.weight().size());
        },
        [] { return "the tables of a FeatureMap do not fit on the device"; });
    backend.copy_in(map.index(), index.data());
    backend.copy_in(map.weight(), weight.data());
  }
};

/// Writes one value of a batch: value j of sample n, from row order[n], or first + n without an order, mapped as
/// `FeatureMap::apply` does.
template <class T>
struct Gather {
  const T* from;
  std::size_t features;        ///< of a row as it is stored
  const std::uint32_t* order;  ///< may be null
  std::size_t first;
  const std::uint32_t* index;  ///< of the map; null without one
  const float* weight;
  std::size_t taps;
  T* to;
  std::size_t width;  ///< of a row of the batch

  LIFELONG_HOST_DEVICE void operator()(std::size_t i) const {
    using V = Lanes<T, 1, false>;
    const std::size_t n = i / width, j = i % width;
    const T* row = from + (order == nullptr ? first + n : order[n]) * features;
    if (index == nullptr) {
      to[i] = row[j];
      return;
    }
    V sum(T(0));
    for (std::size_t t = j * taps; t < (j + 1) * taps; ++t) sum = sum + V(static_cast<T>(weight[t])) * V(row[index[t]]);
    to[i] = sum.lane[0];
  }
};

/// The examples of a `Resident` as a range of `cuda::Batch`, in the order and with the sizes of a `BatchLoader`. The
/// order is copied to the device when a range is begun. Forming a batch waits only if an example of the data set has
/// the weight 0.
template <class T, class On>
class ResidentLoader {
 public:
  /// Values are known to be finite.
  static constexpr bool finite_values = true;

  /// Of rows of `width` values. \throws as `BatchLoader`.
  ResidentLoader(std::shared_ptr<const ResidentData<T, On>> data, std::shared_ptr<const MapTables<On>> map,
                 const BasicBackend<On>& backend, std::size_t width, std::size_t batch_size,
                 std::span<const std::uint32_t> order, LastBatch last_batch)
      : data_(std::move(data)),
        map_(std::move(map)),
        backend_(backend),
        width_(width),
        cut_{data_->labels.size(), batch_size, last_batch},
        order_(order) {
    cut_.validate(order);
  }

  /// Number of batches.
  [[nodiscard]] std::size_t size() const { return cut_.size(); }

  struct End {};
  /// An iterator, which forms a batch when it is dereferenced.
  class Iterator {
   public:
    Iterator(const ResidentLoader& loader, std::size_t number) : loader_(&loader), number_(number) {}
    Batch<T> operator*() const { return loader_->load(number_); }
    Iterator& operator++() {
      ++number_;
      return *this;
    }
    friend bool operator==(const Iterator& at, End) { return at.number_ == at.loader_->size(); }

   private:
    const ResidentLoader* loader_;
    std::size_t number_;
  };
  [[nodiscard]] Iterator begin() const LIFELONG_LIFETIME_BOUND { return begin(0); }
  /// From batch number `first` on, in the order as it is now.
  [[nodiscard]] Iterator begin(std::size_t first) const LIFELONG_LIFETIME_BOUND {
    if (!data_->has_absent) copy_rows(order_);
    return {*this, first};
  }
  [[nodiscard]] End end() const { return {}; }

 private:
  Batch<T> load(std::size_t number) const {
    const std::size_t first = cut_.first(number), count = cut_.count(number);
    const lifelong::Batch<T> facts = present_.of(facts_of(first, count));
    if (data_->has_absent) {
      present_rows_.assign(facts.indices.begin(), facts.indices.end());
      copy_rows(present_rows_);
      return gathered(facts, rows_.data(), 0);
    }
    if (!order_.empty()) return gathered(facts, rows_.data() + first, 0);
    if (map_) return gathered(facts, nullptr, first);
    return Batch<T>::of(facts, width_, data_->inputs.data() + first * width_);
  }

  /// What is known of the examples of a batch besides their inputs.
  lifelong::Batch<T> facts_of(std::size_t first, std::size_t count) const {
    buffer_.resize(count, 0, data_->targets_per_example);
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t i = order_.empty() ? first + n : order_[first + n];
      data_->read(i, buffer_.row(n, i));
    }
    return buffer_.batch();
  }

  /// Copies the numbers of rows to the device, and waits.
  void copy_rows(std::span<const std::uint32_t> rows) const {
    grow(rows_, rows.size());
    backend_.copy_in(rows, rows_.data());
  }
  /// Enqueues the gathering of the rows of a batch.
  Batch<T> gathered(const lifelong::Batch<T>& facts, const std::uint32_t* rows, std::size_t first) const {
    const std::size_t count = facts.size * width_;
    grow(inputs_, count);
    const bool maps = map_ != nullptr;
    On::launch_each(backend_.stream(), count,
                    Gather<T>{data_->inputs.data(), data_->features, rows, first, maps ? map_->index.data() : nullptr,
                              maps ? map_->weight.data() : nullptr, maps ? map_->taps : 0, inputs_.data(), width_});
    return Batch<T>::of(facts, width_, inputs_.data(), number_of(backend_.stream()));
  }
  template <class V>
  static void grow(Array<V, On>& values, std::size_t size) {
    if (values.size() < size)
      lifelong::detail::with_memory([&] { values.resize(size); },
                                    [&] { return "no memory on the device for a batch of " + text_of<V>(size); });
  }

  std::shared_ptr<const ResidentData<T, On>> data_;
  std::shared_ptr<const MapTables<On>> map_;
  BasicBackend<On> backend_;
  std::size_t width_;
  lifelong::detail::BatchCut cut_;
  std::span<const std::uint32_t> order_;
  mutable BatchBuffer<T> buffer_;
  mutable PresentSamples<T> present_;
  mutable std::vector<std::uint32_t> present_rows_;
  mutable Array<std::uint32_t, On> rows_;
  mutable Array<T, On> inputs_;
};

}  // namespace lifelong::cuda::detail

#include <lifelong/config/pop_macros.hpp>

#endif
