// SPDX-License-Identifier: MIT
// The header of an NPY file: a Python dictionary with the type, order and shape of the elements that follow it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
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
#include <lifelong/io/scanner.hpp>

namespace lifelong::io::npy_detail {

using io_detail::in_quotes;
using lifelong::detail::raise;

template <class T>
concept element = io_detail::element<T>;

/// How NumPy spells the type T.
template <element T>
inline constexpr std::string_view dtype_of = io_detail::dtype_of<T>.npy;

/// Whether elements that `dtype` names are given as values of type T: those of that type, truth values as bytes of 0
/// and 1, halves as floats.
template <class T>
bool holds(std::string_view dtype) {
  return dtype == dtype_of<T> || (std::is_same_v<T, std::uint8_t> && dtype == "|b1") ||
         (std::is_same_v<T, float> && dtype == "<f2");
}

/// Calls `use(T{})` for the type in which elements that `dtype` names are given, if it names a type that is read.
template <class Use>
void with_element(std::string_view dtype, Use&& use) {
  const auto one = [&]<class T>(T value) {
    if (holds<T>(dtype)) use(value);
  };
  const auto all = [&](auto... values) { (one(values), ...); };
  all(0.0F, 0.0, std::int8_t{}, std::uint8_t{}, std::int16_t{}, std::uint16_t{}, std::int32_t{}, std::uint32_t{},
      std::int64_t{}, std::uint64_t{});
}

/// Size of an element, 0 for a type that is not read.
inline std::size_t bytes_of(std::string_view dtype) {
  return io_detail::find_dtype(&io_detail::Dtype::npy, dtype).bytes;
}

struct Header {
  std::string dtype;
  bool columns_first = false;  ///< Fortran order
  bool big_endian = false;     ///< the most significant byte of an element comes first
  std::vector<std::size_t> shape;
  std::size_t count = 0;  ///< elements
  std::size_t bytes = 0;  ///< of the data that must follow
};

inline constexpr std::string_view magic = "\x93NUMPY";
inline constexpr std::size_t preamble_bytes = 12;  // magic, version and the longer of the two forms of the length
inline constexpr std::uint32_t longest_header = 1 << 20;
inline constexpr std::size_t max_rank = 64;  // as in NumPy

/// Where the header lies.
struct Extent {
  std::size_t first = 0;
  std::size_t length = 0;
};

/// Reads where the header lies from the first `preamble_bytes` of a file: 6 bytes of magic, major and minor version,
/// and the length in 2 bytes, or in 4 from version 2 on.
inline Extent header_extent(std::span<const std::byte> first, const std::string& file) {
  const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
  if (text.starts_with("PK"))
    raise<FormatError>("'" + file +
                       "' does not start like an NPY file: it is an archive of numpy.savez; save each array by "
                       "numpy.save");
  if (text.substr(0, magic.size()) != magic) raise<FormatError>("'" + file + "' does not start like an NPY file");
  if (first.size() < preamble_bytes) raise<FormatError>("'" + file + "' ends within its NPY header");
  const auto version = std::to_integer<unsigned>(first[6]);
  if (version < 1 || version > 3)
    raise<FormatError>("'" + file + "' is NPY version " + std::to_string(version) + ", but only 1 to 3 are read");
  if (version == 1) return {10, io_detail::from_little_endian<std::uint16_t>(first.subspan(8, 2)).front()};
  const std::uint32_t length = io_detail::from_little_endian<std::uint32_t>(first.subspan(8, 4)).front();
  if (length > longest_header)
    raise<FormatError>("'" + file + "' claims a header of " + std::to_string(length) + " bytes, more than " +
                       std::to_string(longest_header));
  return {12, length};
}

/// Reads the dictionary that NumPy writes, a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4),
/// }
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& file) : scanner_(text, "the header of '" + file + "'") {}

  Header read() {
    bool has_order = false;
    std::optional<std::vector<std::size_t>> shape;
    Header header;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && header.dtype.empty())
        header.dtype = type();
      else if (key == "fortran_order" && !std::exchange(has_order, true))
        header.columns_first = boolean();
      else if (key == "shape" && !shape)
        shape = extents();
      else
        scanner_.fail("it has the key " + in_quotes(key) + ", which is unknown or comes twice");
      if (accept(',')) continue;
      expect('}');
      break;
    }
    scanner_.skip(" \n");
    if (!scanner_.done()) scanner_.fail("it should end here");
    if (header.dtype.empty() || !has_order || !shape) scanner_.fail("it should have descr, fortran_order and shape");
    header.shape = std::move(*shape);
    return header;
  }

 private:
  bool accept(char c) {
    scanner_.skip(" ");
    return scanner_.accept(c);
  }
  void expect(char c) {
    scanner_.skip(" ");
    scanner_.expect(c);
  }

  std::string string() {
    scanner_.skip(" ");
    const char quote = scanner_.accept('"') ? '"' : '\'';
    if (quote == '\'') scanner_.expect('\'');
    std::string text;
    for (char c = scanner_.next(); c != quote; c = scanner_.next()) {
      if (c == '\\') scanner_.fail("it has an escape, which NumPy does not write there");
      text += c;
    }
    return text;
  }

  std::string type() {
    if (accept('[')) scanner_.fail("arrays of records are not read, only arrays of numbers");
    std::string text = string();
    if (text.empty()) scanner_.fail("it names no type");
    return text;
  }

  bool boolean() {
    scanner_.skip(" ");
    const bool value = scanner_.accept('T');
    if (!value) scanner_.expect('F');
    for (const char c : std::string_view(value ? "rue" : "alse")) scanner_.expect(c);
    return value;
  }

  std::vector<std::size_t> extents() {
    std::vector<std::size_t> values;
    expect('(');
    while (!accept(')')) {
      scanner_.skip(" ");
      const std::uint64_t extent = scanner_.number();
      if (extent > std::numeric_limits<std::size_t>::max()) scanner_.fail("the number is too large");
      if (values.size() == max_rank) scanner_.fail("there are too many dimensions");
      values.push_back(static_cast<std::size_t>(extent));
      if (accept(',')) continue;
      expect(')');
      break;
    }
    return values;
  }

  io_detail::Scanner scanner_;
};

inline Header parse_header(std::span<const std::byte> bytes, const std::string& file) {
  Header header = HeaderReader({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file).read();
  const std::string dtype = header.dtype;
  header.big_endian = dtype[0] == '>';
  if (header.big_endian) header.dtype[0] = '<';
  const std::size_t element = bytes_of(header.dtype);
  if (element == 0)
    raise<FormatError>("'" + file + "' holds " + in_quotes(dtype) +
                       ", but only floats of 2, 4 or 8 bytes, whole numbers and truth values are read: save "
                       "x.astype('<f4'), '<f8', '<i4' or '<i8'");
  const auto count = lifelong::detail::checked_product(header.shape);
  if (!count || *count > std::numeric_limits<std::size_t>::max() / element)
    raise<FormatError>("'" + file +
                       "' claims more values than memory can have: " + lifelong::detail::shape_text(header.shape));
  header.count = *count;
  header.bytes = *count * element;
  return header;
}

/// Turns elements given column by column into the same elements row by row.
inline std::vector<std::byte> rows_first(std::span<const std::byte> columns, const Header& header) {
  const std::size_t element = bytes_of(header.dtype), rank = header.shape.size();
  std::vector<std::byte> rows;
  rows.reserve(columns.size());
  std::vector<std::size_t> index(rank), stride(rank, 1);
  for (std::size_t axis = 1; axis < rank; ++axis) stride[axis] = stride[axis - 1] * header.shape[axis - 1];
  for (std::size_t n = 0; n < header.count; ++n) {
    std::size_t from = 0;
    for (std::size_t axis = 0; axis < rank; ++axis) from += index[axis] * stride[axis];
    const auto one = columns.subspan(from * element, element);
    rows.insert(rows.end(), one.begin(), one.end());
    for (std::size_t axis = rank; axis-- > 0 && ++index[axis] == header.shape[axis];) index[axis] = 0;
  }
  return rows;
}

/// Reverses the bytes of each element.
inline void reverse_elements(std::vector<std::byte>& data, std::size_t element) {
  for (std::size_t at = 0; at < data.size(); at += element) std::ranges::reverse(std::span(data).subspan(at, element));
}

}  // namespace lifelong::io::npy_detail

#include <lifelong/config/pop_macros.hpp>
