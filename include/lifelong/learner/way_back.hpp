// SPDX-License-Identifier: MIT
// What a model's training pass changes besides the gradient, and how a step that is refused gives it back.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace lifelong::detail {

/// Remembers what the next training pass of a model depends on: what `save_training_state()` returns, if the model has
/// that and `restore_training_state(saved)`; else the numbers of `visit_state` and the `buffers()`, such as running
/// statistics. A model without any of these has nothing to remember.
template <class Model>
class TrainingState {
  static constexpr bool saves_itself = requires(Model & model) {
    model.restore_training_state(model.save_training_state());
  };

 public:
  void save(Model& model) {
    if constexpr (saves_itself) {
      saved_.clear();
      saved_.push_back(model.save_training_state());
    } else {
      if constexpr (has_numbers) {
        numbers_.clear();
        model.visit_state([&](const char*, auto& value) { numbers_.push_back(static_cast<std::uint64_t>(value)); });
      }
      if constexpr (has_buffers) saved_.assign(model.buffers().begin(), model.buffers().end());
    }
  }
  void restore(Model& model) {
    if constexpr (saves_itself) {
      model.restore_training_state(saved_.front());
    } else {
      std::size_t k = 0;
      if constexpr (has_numbers)
        model.visit_state([&](const char*, auto& value) {
          value = static_cast<std::remove_cvref_t<decltype(value)>>(numbers_[k++]);
        });
      if constexpr (has_buffers) std::copy(saved_.begin(), saved_.end(), model.buffers().begin());
    }
  }

 private:
  static constexpr bool has_numbers = requires(Model & model) {
    model.visit_state([](const char*, auto&) {});
  };
  static constexpr bool has_buffers = requires(Model & model) { model.buffers().begin(); };
  static auto kind_of_saved() {
    if constexpr (saves_itself)
      return std::type_identity<decltype(std::declval<Model&>().save_training_state())>();
    else
      return std::type_identity<typename Model::value_type>();
  }

  std::vector<std::uint64_t> numbers_;
  std::vector<typename decltype(kind_of_saved())::type> saved_;
};

/// Gives a model its training state back, unless `keep` is called.
template <class Model>
class WayBack {
 public:
  WayBack(TrainingState<Model>& state, Model& model) : state_(state), model_(model) { state_.save(model_); }
  ~WayBack() {
    if (!kept_) state_.restore(model_);
  }
  WayBack(const WayBack&) = delete;
  WayBack& operator=(const WayBack&) = delete;

  void keep() { kept_ = true; }

 private:
  TrainingState<Model>& state_;
  Model& model_;
  bool kept_ = false;
};

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
