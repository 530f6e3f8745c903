// The parameter-sized arrays that a learner keeps for one of its policies.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include <lifelong/core/aligned_vector.hpp>
#include <lifelong/core/bfloat16.hpp>
#include <lifelong/core/concepts.hpp>

namespace lifelong::detail {

/// The arrays a policy asked for by name, zero at first: the first `compact_arrays` of them `Bfloat16`, the others T.
template <class Policy, class T>
class PolicyState {
  static constexpr std::size_t compact_count = compact_arrays_of<Policy>();
  static constexpr std::size_t full_count = arrays_of<Policy>().size() - compact_count;

 public:
  static constexpr std::size_t bytes_per_parameter = compact_count * sizeof(Bfloat16) + full_count * sizeof(T);

  PolicyState() = default;
  explicit PolicyState(std::size_t parameters) { resize(parameters); }

  [[nodiscard]] ArrayPointers<Policy, T> pointers() {
    std::array<T*, full_count> full{};
    for (std::size_t k = 0; k != full_count; ++k) full[k] = full_[k].data();
    if constexpr (compact_count == 0) {
      return full;
    } else {
      ArrayPointers<Policy, T> mixed{{}, full};
      for (std::size_t k = 0; k < compact_count; ++k) mixed.compact[k] = compact_[k].data();
      return mixed;
    }
  }
  void clear() {
    for_each([](auto& array) {
      const std::size_t size = array.size();
      array.clear();
      array.resize(size);
    });
  }
  void reserve(std::size_t parameters) {
    for_each([&](auto& array) { array.reserve(parameters); });
  }
  /// New elements are zero.
  void resize(std::size_t parameters) {
    for_each([&](auto& array) { array.resize(parameters); });
  }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = 0;
    for (const auto& array : compact_) total += array.size() * sizeof(Bfloat16);
    for (const auto& array : full_) total += array.size() * sizeof(T);
    return total;
  }
  /// Array k, by its place among the names.
  template <std::size_t k>
  [[nodiscard]] auto& get() {
    if constexpr (k < compact_count)
      return compact_[k];
    else
      return full_[k - compact_count];
  }
  template <std::size_t k>
  [[nodiscard]] const auto& get() const {
    if constexpr (k < compact_count)
      return compact_[k];
    else
      return full_[k - compact_count];
  }
  [[nodiscard]] AlignedVector<T>& operator[](std::size_t k) requires(compact_count == 0) { return full_[k]; }

  /// ", 4 for each name", as part of a sum of bytes per parameter.
  [[nodiscard]] static std::string bill() {
    std::string text;
    std::size_t compact_left = compact_count;
    for (const char* name : arrays_of<Policy>()) {
      const bool compact = compact_left != 0;
      compact_left -= compact ? 1 : 0;
      text += ", " + std::string(name) + " " + std::to_string(compact ? sizeof(Bfloat16) : sizeof(T));
    }
    return text;
  }

 private:
  template <class Call>
  void for_each(const Call& call) {
    for (auto& array : compact_) call(array);
    for (auto& array : full_) call(array);
  }

  std::array<AlignedVector<Bfloat16>, compact_count> compact_;
  std::array<AlignedVector<T>, full_count> full_;
};

}  // namespace lifelong::detail
