// SPDX-License-Identifier: MIT
// A network's parameters under PyTorch's names, to and from a safetensors file.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/io/safetensors.hpp>

namespace lifelong::io {

namespace state_dict_detail {

inline bool has_block(const Layout& layout, std::string_view name) {
  return std::ranges::any_of(layout.blocks(), [&](const Block& block) { return block.name == name; });
}

/// Running statistics of a network that has some.
template <class Network>
Layout buffer_layout_of(const Network& network) {
  if constexpr (requires { network.buffer_layout(); })
    return network.buffer_layout();
  else
    return {};
}

/// \throws NumericError, which names tensor and element, for a value that is NaN or Inf.
template <class T>
void require_finite(std::span<const T> values, const std::string& tensor, const std::string& file) {
  if constexpr (std::is_floating_point_v<T>)
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!lifelong::detail::is_finite(values[i]))
        lifelong::detail::raise<NumericError>(tensor + "[" + std::to_string(i) + "] of '" + file + "' is " +
                                              lifelong::detail::text(static_cast<double>(values[i])));
}

/// PyTorch counts the batches that made the running statistics; nothing here uses that number.
inline bool is_counter(std::string_view name) { return name.ends_with(".num_batches_tracked"); }

/// The tensors of the blocks, one after the other.
template <class T>
std::vector<T> joined_blocks(const Safetensors& file, const Layout& layout) {
  std::vector<T> all;
  for (const Block& block : layout.blocks()) {
    const std::vector<T> values = file.values<T>(block.name);
    if (file.at(block.name).shape != block.shape)
      lifelong::detail::raise<ShapeMismatch>(block.name + " of '" + file.name() + "' is " +
                                             lifelong::detail::shape_text(file.at(block.name).shape) +
                                             ", but the network's is " + lifelong::detail::shape_text(block.shape));
    require_finite<T>(values, block.name, file.name());
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

/// A model whose arrays may lie elsewhere than in the host's memory: it copies them, as a backend does.
template <class Network>
concept copies_its_arrays = requires(const Network& network, std::span<typename Network::value_type> host,
                                     std::span<const typename Network::value_type> values) {
  network.copy_out(values.data(), host);
  network.copy_in(values, host.data());
};

}  // namespace state_dict_detail

/// Adds every block of `layout` with its stretch of `values`: parameters, importances or anchors, one per parameter.
/// \throws ShapeMismatch for another number of values, and what `Safetensors::add` throws.
template <class T>
void add_blocks(Safetensors& file, const Layout& layout, std::span<const T> values) {
  lifelong::detail::require_size("the array to be saved", values.size(), layout.size());
  for (const Block& block : layout.blocks())
    file.add<T>(block.name, block.shape, values.subspan(block.offset, block.size));
}

/// The tensors with the names of the blocks of `layout`, one after the other: parameters, importances or anchors, one
/// per parameter. Other tensors of the file do not matter. To give a learner an importance and its anchor, call
/// `load_state_dict` with the anchor, then `learner.set_importance(read_blocks<T>(file, layout))`, and load the
/// parameters last. \throws FormatError for a tensor that is missing or not of type T, ShapeMismatch for one of another
/// shape, NumericError for a value that is NaN or Inf.
template <class T>
[[nodiscard]] std::vector<T> read_blocks(const Safetensors& file, const Layout& layout) {
  return io_detail::with_memory_for(file.name(), [&] { return state_dict_detail::joined_blocks<T>(file, layout); });
}

namespace state_dict_detail {

/// Adds the blocks of one of a network's arrays, wherever it lies.
template <class Network, class T>
void add_array(Safetensors& file, const Network& network, const Layout& layout, std::span<const T> values) {
  if constexpr (copies_its_arrays<Network>) {
    std::vector<T> host(values.size());
    network.copy_out(values.data(), std::span<T>(host));
    add_blocks(file, layout, std::span<const T>(host));
  } else {
    add_blocks(file, layout, values);
  }
}

/// Writes `values` to one of a network's arrays.
template <class Network, class T>
void set_array(const Network& network, std::span<T> array, const std::vector<T>& values) {
  if constexpr (copies_its_arrays<Network>)
    network.copy_in(std::span<const T>(values), array.data());
  else
    std::ranges::copy(values, array.begin());
}

}  // namespace state_dict_detail

/// The parameters of a network, and its running statistics if it has any, as in PyTorch's `state_dict()`. A network
/// whose arrays lie elsewhere than on the host has `copy_out(place, host)` and `copy_in(host, place)`.
template <class Network>
[[nodiscard]] Safetensors state_dict(const Network& network) {
  using T = typename Network::value_type;
  Safetensors file;
  using state_dict_detail::add_array;
  add_array(file, network, network.layout(), std::span<const T>(network.parameters()));
  if constexpr (requires { network.buffer_layout(); })
    add_array(file, network, network.buffer_layout(), std::span<const T>(network.buffers()));
  return file;
}

/// Sets the parameters and running statistics of `network` to those of `file`, as PyTorch's `load_state_dict(...,
/// strict=True)` does: names, shapes and type must be the network's, and no tensor except `num_batches_tracked` may be
/// left over. If this throws, nothing has changed.
/// \throws FormatError for a tensor that is missing, left over or of another type, ShapeMismatch for one of another
/// shape, NumericError for a value that is NaN or Inf.
template <class Network>
void load_state_dict(const Safetensors& file, Network& network) {
  using T = typename Network::value_type;
  const Layout buffer_layout = state_dict_detail::buffer_layout_of(network);
  const std::vector<T> parameters = read_blocks<T>(file, network.layout());
  const std::vector<T> buffers = read_blocks<T>(file, buffer_layout);
  for (const auto& [name, tensor] : file.tensors())
    if (!state_dict_detail::has_block(network.layout(), name) && !state_dict_detail::has_block(buffer_layout, name) &&
        !state_dict_detail::is_counter(name))
      lifelong::detail::raise<FormatError>("'" + file.name() + "' has a tensor " + io_detail::in_quotes(name) +
                                           " that the network does not have");
  state_dict_detail::set_array(network, std::span<T>(network.parameters()), parameters);
  if constexpr (requires { network.buffers(); })
    state_dict_detail::set_array(network, std::span<T>(network.buffers()), buffers);
}

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
