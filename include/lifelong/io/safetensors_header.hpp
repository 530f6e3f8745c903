// SPDX-License-Identifier: MIT
// The header of a safetensors file, read and written: a JSON object that says which arrays follow it, and where.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/io/dtype.hpp>
#include <lifelong/io/file.hpp>
#include <lifelong/io/json.hpp>
#include <lifelong/io/scanner.hpp>

namespace lifelong::io {

/// What is known of an array in a safetensors file.
struct Tensor {
  std::string dtype;               ///< type of the elements as the format spells it: `F32`, `F64`, `I64`, `BF16`, ...
  std::vector<std::size_t> shape;  ///< row-major; empty for a single value
  std::size_t offset = 0;          ///< first byte in the data
  std::size_t bytes = 0;           ///< product(shape) times the size of an element
};

namespace safetensors_detail {

using io_detail::in_quotes;
using lifelong::detail::raise;

/// Size of an element, 0 for an unknown type.
inline std::size_t bytes_of(std::string_view dtype) {
  return io_detail::find_dtype(&io_detail::Dtype::safetensors, dtype).bytes;
}

template <class T>
concept element = io_detail::element<T>;

/// How safetensors files spell the type T.
template <element T>
inline constexpr std::string_view dtype_of = io_detail::dtype_of<T>.safetensors;

/// What to do about floats of another type.
template <class T>
std::string advice(std::string_view dtype) {
  if (!std::is_floating_point_v<T> || (dtype != "F64" && dtype != "F32" && dtype != "F16" && dtype != "BF16"))
    return "";
  return sizeof(T) == 4 ? "; in PyTorch, save the state_dict of model.float()"
                        : "; in PyTorch, save the state_dict of model.double()";
}

inline constexpr const char* metadata_key = "__metadata__";

using Tensors = std::map<std::string, Tensor, std::less<>>;
using Metadata = std::map<std::string, std::string, std::less<>>;

struct Header {
  Tensors tensors;
  Metadata metadata;
  std::size_t bytes = 0;  ///< of the data that must follow
};

inline constexpr std::size_t length_bytes = 8;
inline constexpr std::uint64_t longest_header = 100'000'000;  // as in the format's own library

/// Reads the length of the header from the first bytes of a file.
inline std::size_t header_length(std::span<const std::byte> first, const std::string& file) {
  if (first.size() < length_bytes) raise<FormatError>("'" + file + "' is too short for a safetensors file");
  const std::uint64_t length = io_detail::from_little_endian<std::uint64_t>(first.first(length_bytes)).front();
  if (first[0] == std::byte{'P'} && first[1] == std::byte{'K'})
    raise<FormatError>("'" + file +
                       "' is an archive of torch.save, not a safetensors file: in Python, save it with "
                       "safetensors.torch.save_file(model.state_dict(), path)");
  if (length > longest_header)
    raise<FormatError>("'" + file + "' claims a header of " + std::to_string(length) + " bytes, more than the " +
                       std::to_string(longest_header) + " of the largest safetensors header");
  return static_cast<std::size_t>(length);
}

inline std::size_t to_size(std::uint64_t value, const io_detail::JsonReader& json) {
  if (value > std::numeric_limits<std::size_t>::max()) json.fail("the number is too large");
  return static_cast<std::size_t>(value);
}

inline constexpr std::size_t max_rank = 64;  // as in PyTorch and NumPy

inline std::vector<std::size_t> sizes(io_detail::JsonReader& json) {
  std::vector<std::size_t> values;
  json.array([&] {
    if (values.size() == max_rank) json.fail("there are too many dimensions");
    values.push_back(to_size(json.number(), json));
  });
  return values;
}

/// \throws FormatError unless type, shape and offsets agree; `end` is where the tensor claims to end.
inline void require_consistent(const Tensor& tensor, std::size_t end, const std::string& place) {
  const std::size_t element = bytes_of(tensor.dtype);
  if (element == 0) raise<FormatError>(place + " has the unknown type " + in_quotes(tensor.dtype));
  const auto count = lifelong::detail::checked_product(tensor.shape);
  if (!count || *count > std::numeric_limits<std::size_t>::max() / element)
    raise<FormatError>(place + " claims more values than memory can have");
  if (end < tensor.offset || end - tensor.offset != *count * element)
    raise<FormatError>(place + " has " + std::to_string(*count) + " values of " + std::to_string(element) +
                       " bytes, but lies from byte " + std::to_string(tensor.offset) + " to " + std::to_string(end));
}

inline Tensor parse_tensor(io_detail::JsonReader& json, const std::string& place) {
  std::optional<std::string> dtype;
  std::optional<std::vector<std::size_t>> shape, offsets;
  json.object([&](const std::string& key) {
    if (key == "dtype" && !dtype)
      dtype = json.string();
    else if (key == "shape" && !shape)
      shape = sizes(json);
    else if (key == "data_offsets" && !offsets)
      offsets = sizes(json);
    else
      json.fail(place + " has the key " + in_quotes(key) + ", which is unknown or comes twice");
  });
  if (!dtype || !shape || !offsets || offsets->size() != 2)
    json.fail(place + " should have dtype, shape and two data_offsets");
  Tensor tensor{std::move(*dtype), std::move(*shape), offsets->front(), 0};
  require_consistent(tensor, offsets->back(), place);
  tensor.bytes = offsets->back() - tensor.offset;
  return tensor;
}

/// Checks that the tensors fill the data without gaps and without overlap, and returns where they end.
inline std::size_t require_contiguous(const Tensors& tensors, const std::string& file) {
  std::vector<const Tensors::value_type*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.offset, a->second.bytes) < std::pair(b->second.offset, b->second.bytes);
  });
  std::size_t end = 0;
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    if (tensor.offset != end)
      raise<FormatError>("tensor " + in_quotes(name) + " of '" + file + "' starts at byte " +
                         std::to_string(tensor.offset) + " of the data, not at byte " + std::to_string(end) +
                         " where the one before ends");
    end += tensor.bytes;
  }
  return end;
}

inline Header parse_header(std::span<const std::byte> bytes, const std::string& file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  io_detail::JsonReader json(text, "the header of '" + file + "'");
  if (text.substr(0, 1) != "{") json.fail("a safetensors header starts with '{'");
  Header header;
  bool has_metadata = false;
  json.object([&](const std::string& name) {
    const std::string place = "tensor " + in_quotes(name) + " of '" + file + "'";
    if (name != metadata_key) {
      if (!header.tensors.emplace(name, parse_tensor(json, place)).second) json.fail(place + " comes twice");
      return;
    }
    if (std::exchange(has_metadata, true)) json.fail("the metadata come twice");
    json.object([&](const std::string& key) {
      if (!header.metadata.emplace(key, json.string()).second) json.fail("metadata " + in_quotes(key) + " come twice");
    });
  });
  json.end();
  header.bytes = require_contiguous(header.tensors, file);
  return header;
}

/// \throws FormatError if there is less than the whole header.
inline void require_header(std::size_t present, std::size_t length, const std::string& file) {
  if (present < length) raise<FormatError>("'" + file + "' ends within its safetensors header");
}

/// \throws FormatError unless the header is followed by the data it claims.
inline void require_data(const Header& header, std::size_t present, const std::string& file) {
  if (present != header.bytes)
    raise<FormatError>("'" + file + "' is too " + (present < header.bytes ? "short" : "long") + ": its tensors have " +
                       std::to_string(header.bytes) + " bytes, but " +
                       (present < header.bytes ? std::to_string(present) : "more") + " follow the header");
}

/// The tensors in the order in which they are written. Those with elements of one size come together, so that all are
/// aligned.
inline std::vector<const Tensors::value_type*> in_file_order(const Tensors& tensors) {
  std::vector<const Tensors::value_type*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const std::size_t first = bytes_of(a->second.dtype), second = bytes_of(b->second.dtype);
    return first != second ? first > second : a->first < b->first;
  });
  return order;
}

/// `"0.bias":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}`
inline std::string entry_text(const std::string& name, const Tensor& tensor, std::size_t offset) {
  std::string shape;
  for (const std::size_t extent : tensor.shape) shape += (shape.empty() ? "" : ",") + std::to_string(extent);
  return io_detail::json_string(name) + ":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":[" + shape +
         "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(offset + tensor.bytes) + "]}";
}

/// The header of a file with these contents.
inline std::string header_text(const Tensors& tensors, const Metadata& metadata) {
  std::string text = "{", separator;
  if (!metadata.empty()) {
    text += io_detail::json_string(metadata_key) + ":{";
    for (const auto& [key, value] : metadata) {
      text += separator + io_detail::json_string(key) + ":" + io_detail::json_string(value);
      separator = ",";
    }
    text += "}";
  }
  std::size_t offset = 0;
  for (const auto* entry : in_file_order(tensors)) {
    text += separator + entry_text(entry->first, entry->second, offset);
    separator = ",";
    offset += entry->second.bytes;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace safetensors_detail

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
