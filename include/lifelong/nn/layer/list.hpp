// SPDX-License-Identifier: MIT
// Lists of layers, which are tuples or vectors of variants: visits, names of parts, and places in messages.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <lifelong/config.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/product/rows.hpp>

namespace lifelong::nn {

namespace detail {

template <class... L>
consteval bool require_layers(const std::tuple<L...>*) {
  return (require_layer<L>() && ...);
}
template <class... L>
consteval bool require_layers(const std::vector<std::variant<L...>>*) {
  return (require_layer<L>() && ...);
}

template <class Layers>
concept fixed_layers = requires {
  std::tuple_size<Layers>::value;
};

/// Calls `visit(l, layer)` for l = 0, 1, ...; the layers are a tuple or a vector of variants.
template <class Layers, class Visit>
void for_each_layer(Layers& layers, const Visit& visit) {
  if constexpr (fixed_layers<Layers>) {
    const auto each = [&]<std::size_t... l>(std::index_sequence<l...>) { (visit(l, std::get<l>(layers)), ...); };
    each(std::make_index_sequence<std::tuple_size_v<Layers>>{});
  } else {
    for (std::size_t l = 0; l < layers.size(); ++l) std::visit([&](auto& layer) { visit(l, layer); }, layers[l]);
  }
}

/// The same from the last layer to the first.
template <class Layers, class Visit>
void for_each_layer_backwards(Layers& layers, const Visit& visit) {
  if constexpr (fixed_layers<Layers>) {
    constexpr std::size_t count = std::tuple_size_v<Layers>;
    const auto each = [&]<std::size_t... l>(std::index_sequence<l...>) {
      (visit(count - 1 - l, std::get<count - 1 - l>(layers)), ...);
    };
    each(std::make_index_sequence<count>{});
  } else {
    for (std::size_t l = layers.size(); l-- > 0;) std::visit([&](auto& layer) { visit(l, layer); }, layers[l]);
  }
}

#if defined(__cpp_exceptions)
/// Throws the error that is being handled again, with `place` in front of its message.
[[noreturn]] LIFELONG_RARE inline void throw_again(const std::string& place) {
  try {
    throw;
  } catch (const ShapeMismatch& error) {
    lifelong::detail::raise<ShapeMismatch>(place + ": " + error.what());
  } catch (const InvalidArgument& error) {
    lifelong::detail::raise<InvalidArgument>(place + ": " + error.what());
  } catch (const OutOfMemory& error) {
    lifelong::detail::raise<OutOfMemory>(place + ": " + error.what());
  }
}
#endif

/// Runs `call`. An error is thrown again with `place` in front of its message.
template <class Call>
auto at([[maybe_unused]] const std::string& place, const Call& call) {
#if defined(__cpp_exceptions)
  try {
    return call();
  } catch (const Error&) {
    throw_again(place);
  }
#else
  return call();
#endif
}

/// Name of part `l` of a layer with the name `prefix`: `3.0`, or `0` if the prefix is empty.
inline std::string part(const std::string& prefix, std::size_t l) {
  return prefix.empty() ? std::to_string(l) : prefix + "." + std::to_string(l);
}

/// Whether all layers of a tuple take sequences of unequal length and keep them.
template <class Layers>
inline constexpr bool keep_lengths = false;
template <class... L>
inline constexpr bool keep_lengths<std::tuple<L...>> = ((lengths_of<L> == Lengths::kept) && ...);

/// Whether inputs of this shape are a sequence, or one of tokens.
inline bool is_sequence(const Shape& shape, bool of_tokens) {
  return shape.rank() == 2 || (shape.rank() == 1 && of_tokens);
}

/// Whether a layer takes sequences of unequal length as inputs of this shape.
template <class L>
bool takes_lengths(const Shape& shape) {
  return lengths_of<L> != Lengths::refused && is_sequence(shape, reads_tokens<L>);
}

/// Why layer l takes no sequences of unequal length.
LIFELONG_RARE inline std::string refusal_of_lengths(std::size_t l, const std::string& recipe, const Shape& shape,
                                                    bool of_tokens) {
  return "layer " + std::to_string(l) + " of the network, " + recipe +
         (is_sequence(shape, of_tokens) ? "," : ", is given " + shape.text() + " and") +
         " takes no sequences of unequal length";
}

/// What the backward pass of one of the layers is given.
template <class T>
struct BackwardOf {
  Flow<T> flow;
  Rows<const T> x, y;
  Rows<T> dy, dx;
  std::span<T> out;
};

struct NoHook {
  template <class Layer, class T>
  void operator()(std::size_t, const Layer&, const Flow<T>&, Rows<const T>, Rows<const T>) const {}
};

}  // namespace detail

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
