// SPDX-License-Identifier: MIT
// A data set in a device's memory, and the views of it that a permutation or rotation makes.
#pragma once

#include <lifelong/cuda/translation_unit.cuh>
#if defined(LIFELONG_CUDA)

#include <lifelong/config/push_macros.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/check_batch.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/memory.hpp>
#include <lifelong/cuda/array.cuh>
#include <lifelong/cuda/backend.cuh>
#include <lifelong/cuda/batch.cuh>
#include <lifelong/cuda/resident_loader.cuh>
#include <lifelong/stream/example_source.hpp>
#include <lifelong/stream/feature_map.hpp>
#include <lifelong/stream/loader.hpp>
#include <lifelong/stream/shape.hpp>

namespace lifelong::cuda {

/// Examples whose inputs lie on a device: `cuda::Resident task(examples, backend)`. A learner whose model takes
/// `cuda::Batch` trains on them without an input crossing to the device again: batches are gathered there, in any
/// order. A view `cuda::Resident(task, map)` shares the memory and applies a `FeatureMap` when a batch is formed, with
/// the bits that `FeatureMap::apply` has for a row. It is an `ExampleSource<T>` for other models too, which copies each
/// row back. A copy shares everything; nothing changes once it is made. Memory: N x features of T on the device,
/// labels, targets, ranges and weights on the host; a view only its map's tables.
template <class T = float, class On = System>
class Resident {
 public:
  using batch_type = Batch<T>;

  /// Copies the examples of a source, once. \throws InvalidArgument for a source without examples or without end, for a
  /// weight that is negative or not finite, or for sequences of unequal length; NumericError for an input or target
  /// that is not finite, which names the example; OutOfMemory.
  template <class Examples>
  requires ExampleSource<Examples, T> Resident(const Examples& examples, const BasicBackend<On>& backend)
      : backend_(backend), features_(examples.features()), shape_(lifelong::detail::shape_of(examples)) {
    lifelong::detail::require_end(examples.size(), "Resident");
    if (examples.size() == 0) lifelong::detail::raise<InvalidArgument>("Resident: there are no examples");
    auto data = std::make_shared<Data>();
    copy(examples, *data);
    data_ = std::move(data);
  }

  /// The examples of `base`, seen through a map. \throws InvalidArgument if `base` has a map already; ShapeMismatch for
  /// a map of another number of inputs; NumericError if a mapped value could be larger than the largest number.
  Resident(const Resident& base, const FeatureMap& map) : Resident(base) {
    if (map.identity()) return;
    if (map_) lifelong::detail::raise<InvalidArgument>("Resident: the examples have a map already");
    lifelong::detail::require_size("the inputs of the FeatureMap", map.inputs(), features_);
    require_finite(map);
    map_ = std::make_shared<const detail::MapTables<On>>(map, backend_);
    if (map.outputs() != features_) shape_ = {map.outputs()};
    features_ = map.outputs();
    host_map_ = map;
  }

  [[nodiscard]] std::size_t size() const { return data_->labels.size(); }
  [[nodiscard]] std::size_t features() const { return features_; }
  [[nodiscard]] std::size_t targets() const { return data_->targets_per_example; }
  [[nodiscard]] const std::vector<std::size_t>& shape() const LIFELONG_LIFETIME_BOUND { return shape_; }
  [[nodiscard]] const BasicBackend<On>& backend() const { return backend_; }

  /// Copies one example from the device, and waits; the inputs of one of weight 0 are 0. A batch is formed faster by
  /// `batches`.
  void read(std::size_t i, ExampleRow<T> row) const {
    AlignedVector<T> stored(data_->features);
    backend_.copy_out(data_->inputs.data() + i * stored.size(), std::span<T>(stored));
    host_map_.apply(std::span<const T>(stored), T(1), row.inputs);
    data_->read(i, row);
  }

  /// The examples as batches on the device, as a `BatchLoader` makes them on the host: see there. A batch is valid
  /// until the next one is read. This range must not outlive `order`.
  [[nodiscard]] detail::ResidentLoader<T, On> batches(std::size_t batch_size, std::span<const std::uint32_t> order = {},
                                                      LastBatch last_batch = LastBatch::keep) const {
    return {data_, map_, backend_, features_, batch_size, order, last_batch};
  }

 private:
  using Data = detail::ResidentData<T, On>;
  static constexpr std::size_t rows_at_once = 1024;

  template <class Examples>
  void copy(const Examples& examples, Data& data) {
    const std::size_t count = examples.size();
    const auto message = [&] {
      return std::to_string(count) + " examples of " + std::to_string(features_) + " features do not fit on the device";
    };
    data.features = features_;
    data.targets_per_example = examples.targets();
    const std::size_t widest = (features_ > data.targets_per_example ? features_ : data.targets_per_example) + 1;
    if (count > static_cast<std::size_t>(-1) / widest || std::uint64_t{count} >> 32 != 0)
      lifelong::detail::raise<OutOfMemory>(message());
    lifelong::detail::with_memory([&] { data.resize(count); }, message);
    BatchBuffer<T> buffer;
    std::size_t first = 0;
    for ([[maybe_unused]] const lifelong::Batch<T>& checked : BatchLoader(examples, rows_at_once, buffer, backend_)) {
      const lifelong::Batch<T> rows = buffer.batch();  // those of weight 0 too, as zeros, so that numbers stay
      lifelong::detail::refuse_lengths(rows, "cuda::Resident");
      T* const place = data.inputs.data() + first * features_;
      backend_.copy_in(rows.inputs, place);
      for (std::size_t n = 0; n < rows.size; ++n)
        if (rows.weights[n] == 0) On::set_to_zero(backend_.stream(), place + n * features_, features_ * sizeof(T));
      data.set_facts(first, rows);
      first += rows.size;
    }
  }

  /// \throws NumericError unless every mapped value is finite, whatever the inputs are, none of which is larger than
  /// the largest.
  void require_finite(const FeatureMap& map) const {
    const double largest = static_cast<double>(data_->largest(backend_));
    double most = 0;
    for (std::size_t j = 0; j < map.outputs(); ++j) {
      double sum = 0;
      for (std::size_t t = j * map.taps(); t < (j + 1) * map.taps(); ++t)
        sum += std::abs(static_cast<double>(map.weight()[t]));
      most = sum > most ? sum : most;
    }
    if (!(most * largest < static_cast<double>((std::numeric_limits<T>::max)()) / 2))
      lifelong::detail::raise<NumericError>("Resident: a value mapped from inputs up to " +
                                            lifelong::detail::text(largest) + " by weights of up to " +
                                            lifelong::detail::text(most) + " could be larger than the largest number");
  }

  BasicBackend<On> backend_;
  std::shared_ptr<const Data> data_;
  std::shared_ptr<const detail::MapTables<On>> map_;
  FeatureMap host_map_;
  std::size_t features_;
  std::vector<std::size_t> shape_;
};

template <class Examples, class On>
Resident(const Examples&, const BasicBackend<On>&) -> Resident<float, On>;

}  // namespace lifelong::cuda

#include <lifelong/config/pop_macros.hpp>

#endif
