// A learner in a file: parameters, importances, anchors, the optimizer's arrays and all counts, to go on bit by bit.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/io/safetensors.hpp>
#include <lifelong/io/state_dict.hpp>

namespace lifelong::io {

namespace checkpoint_detail {

/// The blocks of a model's parameters; of a model without names, one.
template <class Model>
Layout layout_of(Model& model) {
  if constexpr (requires { model.layout(); }) {
    return model.layout();
  } else {
    Layout layout;
    layout.add("parameters", {model.parameters().size()});
    return layout;
  }
}

inline Layout with_prefix(const Layout& layout, const std::string& prefix) {
  Layout named;
  for (const Block& block : layout.blocks()) named.add(prefix + "." + block.name, block.shape, block.kind);
  return named;
}

/// Calls `array(layout, values)` for all arrays of the learner and its model, `number(name, value)` for all numbers.
template <class Learner, class Array, class Number>
void visit(Learner& learner, const Array& array, const Number& number) {
  auto& model = learner.model();
  const Layout layout = layout_of(model);
  array(with_prefix(layout, "model"), model.parameters());
  if constexpr (requires { model.buffer_layout(); })
    array(with_prefix(model.buffer_layout(), "model"), model.buffers());
  if constexpr (requires { model.visit_state(number); })
    model.visit_state([&](const char* name, auto& value) { number(std::string("model.") + name, value); });
  learner.visit_state([&](const std::string& name, auto& values) { array(with_prefix(layout, name), values); },
                      [&](const char* name, auto& value) { number(std::string("learner.") + name, value); });
}

template <class V>
using Stored = std::conditional_t<std::floating_point<V>, double, std::uint64_t>;

}  // namespace checkpoint_detail

/// Everything that a learner is, but for its settings: model, Ω, θ*, what is gathered along the way, the optimizer's
/// arrays, steps and tasks so far. Tensors are named `model.0.weight`, `penalty.importance.0.weight`,
/// `optimizer.velocity.0.weight`, ...; `learner.recipe()` is in the metadata, for people. Arrays in bfloat16 are
/// widened, which is exact.
template <class Learner>
[[nodiscard]] Safetensors checkpoint(Learner& learner) {
  using T = typename Learner::value_type;
  Safetensors file;
  checkpoint_detail::visit(
      learner,
      [&](const Layout& layout, const auto& values) {
        const std::vector<T> widened(values.begin(), values.end());
        add_blocks(file, layout, std::span<const T>(widened));
      },
      [&](const std::string& name, auto& value) {
        using S = checkpoint_detail::Stored<std::remove_cvref_t<decltype(value)>>;
        const S stored[] = {static_cast<S>(value)};
        file.add<S>(name, {}, stored);
      });
  file.set_metadata("recipe", learner.recipe());
  return file;
}

/// Makes `learner`, of the same types and settings as the one that was saved, go on where that one was: on the same
/// machine bit by bit, if batches, tasks and epochs come as they would have. All or nothing.
/// \throws FormatError for a tensor that is missing, left over or of another type; ShapeMismatch.
template <class Learner>
void restore(const Safetensors& file, Learner& learner) {
  using T = typename Learner::value_type;
  std::vector<std::vector<T>> arrays;
  std::size_t tensors = 0;
  checkpoint_detail::visit(
      learner,
      [&](const Layout& layout, const auto&) {
        arrays.push_back(read_blocks<T>(file, layout));
        tensors += layout.blocks().size();
      },
      [&](const std::string& name, auto& value) {
        using V = std::remove_cvref_t<decltype(value)>;
        const auto stored = file.values<checkpoint_detail::Stored<V>>(name);
        if (stored.size() != 1 || static_cast<checkpoint_detail::Stored<V>>(static_cast<V>(stored[0])) != stored[0])
          lifelong::detail::raise<FormatError>(name + " of '" + file.name() + "' is not one number that fits");
        ++tensors;
      });
  if (tensors != file.tensors().size())
    lifelong::detail::raise<FormatError>("'" + file.name() + "' has " + std::to_string(file.tensors().size()) +
                                         " tensors where the learner has " + std::to_string(tensors));
  std::size_t next = 0;
  checkpoint_detail::visit(
      learner,
      [&](const Layout&, auto&& values) {
        using V = typename std::remove_cvref_t<decltype(values)>::value_type;
        std::ranges::transform(arrays[next++], values.begin(), [](T value) { return V(value); });
      },
      [&](const std::string& name, auto& value) {
        using V = std::remove_cvref_t<decltype(value)>;
        value = static_cast<V>(file.values<checkpoint_detail::Stored<V>>(name)[0]);
      });
}

}  // namespace lifelong::io
