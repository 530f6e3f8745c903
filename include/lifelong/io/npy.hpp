// SPDX-License-Identifier: MIT
// NPY files, the format of `numpy.save`: one array (numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/io/file.hpp>
#include <lifelong/io/scanner.hpp>

namespace lifelong::io {

namespace npy_detail {

using io_detail::in_quotes;
using lifelong::detail::raise;

template <class T>
inline constexpr const char* dtype_of = nullptr;
template <>
inline constexpr const char* dtype_of<float> = "<f4";
template <>
inline constexpr const char* dtype_of<double> = "<f8";
template <>
inline constexpr const char* dtype_of<std::int8_t> = "|i1";
template <>
inline constexpr const char* dtype_of<std::uint8_t> = "|u1";
template <>
inline constexpr const char* dtype_of<std::int16_t> = "<i2";
template <>
inline constexpr const char* dtype_of<std::uint16_t> = "<u2";
template <>
inline constexpr const char* dtype_of<std::int32_t> = "<i4";
template <>
inline constexpr const char* dtype_of<std::uint32_t> = "<u4";
template <>
inline constexpr const char* dtype_of<std::int64_t> = "<i8";
template <>
inline constexpr const char* dtype_of<std::uint64_t> = "<u8";

template <class T>
concept element = dtype_of<T>
!= nullptr;

/// Calls `use(T{})` for the type that `dtype` names. Returns false if it names no type that is read.
template <class Use>
bool with_element(std::string_view dtype, Use&& use) {
  const auto one = [&]<class T>(T value) {
    if (dtype != dtype_of<T>) return false;
    use(value);
    return true;
  };
  return one(0.0F) || one(0.0) || one(std::int8_t{}) || one(std::uint8_t{}) || one(std::int16_t{}) ||
         one(std::uint16_t{}) || one(std::int32_t{}) || one(std::uint32_t{}) || one(std::int64_t{}) ||
         one(std::uint64_t{});
}

/// Size of an element, 0 for a type that is not read.
inline std::size_t bytes_of(std::string_view dtype) {
  std::size_t bytes = 0;
  with_element(dtype, [&](auto value) { bytes = sizeof value; });
  return bytes;
}

}  // namespace npy_detail

/// An array from an NPY file.
struct NpyArray {
  std::string name;                ///< what errors call it, usually its path
  std::string dtype;               ///< as NumPy spells it: `<f4`, `<f8`, `<i8`, `|u1`, ...
  std::vector<std::size_t> shape;  ///< empty for a single value
  std::vector<std::byte> bytes;    ///< product(shape) elements, row-major, least significant byte first

  /// The elements, row-major. Nothing is converted. \throws FormatError unless they are of type T.
  template <npy_detail::element T>
  [[nodiscard]] std::vector<T> values() const {
    if (dtype != npy_detail::dtype_of<T>)
      npy_detail::raise<FormatError>("'" + name + "' holds " + dtype + " where " + npy_detail::dtype_of<T> +
                                     " is needed");
    return io_detail::from_little_endian<T>(bytes);
  }

  /// Calls `use(std::vector<T>)` with the elements, where T is their own type.
  template <class Use>
  void visit(Use&& use) const {
    npy_detail::with_element(dtype, [&]<class T>(T) { use(values<T>()); });
  }
};

namespace npy_detail {

struct Header {
  std::string dtype;
  bool columns_first = false;  ///< Fortran order
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
  const std::size_t element = bytes_of(header.dtype);
  if (element == 0)
    raise<FormatError>("'" + file + "' holds " + in_quotes(header.dtype) +
                       ", but only little-endian floats of 4 or 8 bytes and whole numbers are read: save "
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

/// \throws FormatError unless `data` is as long as the header says.
inline NpyArray make_array(Header header, std::vector<std::byte> data, const std::string& file) {
  if (data.size() != header.bytes)
    raise<FormatError>("'" + file + "' is too " + (data.size() < header.bytes ? "short" : "long") +
                       ": its header claims " + lifelong::detail::shape_text(header.shape) + " values of " +
                       header.dtype);
  if (header.columns_first) data = rows_first(data, header);
  return {file, std::move(header.dtype), std::move(header.shape), std::move(data)};
}

}  // namespace npy_detail

/// The array in `bytes`, which must hold one NPY file (version 1 to 3) and nothing else. Errors call the file `name`.
/// Arrays in Fortran order become row-major. \throws FormatError for records, objects, big-endian numbers and other
/// types that are not read, and for a size that is not what the header says.
[[nodiscard]] inline NpyArray parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  const auto first = bytes.first(bytes.size() < npy_detail::preamble_bytes ? bytes.size() : npy_detail::preamble_bytes);
  const npy_detail::Extent extent = npy_detail::header_extent(first, name);
  if (bytes.size() - extent.first < extent.length)
    npy_detail::raise<FormatError>("'" + name + "' ends within its NPY header");
  npy_detail::Header header = npy_detail::parse_header(bytes.subspan(extent.first, extent.length), name);
  const auto data = bytes.subspan(extent.first + extent.length);
  return npy_detail::make_array(std::move(header), {data.begin(), data.end()}, name);
}

/// Reads an NPY file with at most `limit` bytes of data. No more is allocated than the file really holds, whatever its
/// header says.
/// \throws FileError if it cannot be read; FormatError as `parse_npy`, and for data beyond the limit.
[[nodiscard]] inline NpyArray read_npy(const std::string& path, std::uint64_t limit = std::uint64_t{1} << 36) {
  const io_detail::File file = io_detail::open_to_read(path);
  const auto next = [&](std::uint64_t count) { return io_detail::next_bytes(file.get(), count, path); };
  std::vector<std::byte> start = next(npy_detail::preamble_bytes);
  const npy_detail::Extent extent = npy_detail::header_extent(start, path);
  const std::size_t end = extent.first + extent.length;
  if (end < start.size()) npy_detail::raise<FormatError>("the header of '" + path + "' is empty");
  const std::vector<std::byte> rest = next(end - start.size());
  start.insert(start.end(), rest.begin(), rest.end());
  if (start.size() < end) npy_detail::raise<FormatError>("'" + path + "' ends within its NPY header");
  npy_detail::Header header = npy_detail::parse_header(std::span(start).subspan(extent.first), path);
  if (header.bytes > limit)
    npy_detail::raise<FormatError>("'" + path + "' claims " + std::to_string(header.bytes) +
                                   " bytes of data, more than the limit of " + std::to_string(limit));
  std::vector<std::byte> data = next(std::uint64_t{header.bytes} + 1);
  return npy_detail::make_array(std::move(header), std::move(data), path);
}

/// Writes an array, row-major, as NPY version 1, in one step: `path` is either the whole new file or what it was
/// before. Example: `write_npy<float>("x.npy", {n, 784}, x)`. \throws ShapeMismatch unless there are product(shape)
/// values; FileError if it cannot be written.
template <npy_detail::element T>
void write_npy(const std::string& path, const std::vector<std::size_t>& shape, std::span<const T> values) {
  const auto count = lifelong::detail::checked_product(shape);
  if (!count || *count != values.size())
    npy_detail::raise<ShapeMismatch>("'" + path + "' would have " + std::to_string(values.size()) +
                                     " values, not the " + lifelong::detail::shape_text(shape) + " of its shape");
  std::string header = std::string("{'descr': '") + npy_detail::dtype_of<T> + "', 'fortran_order': False, 'shape': (";
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    header += (axis > 0 ? ", " : "") + std::to_string(shape[axis]);
  header += shape.size() == 1 ? ",), }" : "), }";
  constexpr std::size_t before = 10, alignment = 64;
  header.resize((before + header.size() + 1 + alignment - 1) / alignment * alignment - before - 1, ' ');
  header += '\n';
  const std::uint16_t length[] = {static_cast<std::uint16_t>(header.size())};
  io_detail::AtomicFile file(path);
  file.write(npy_detail::magic);
  file.write(std::string_view("\x01\x00", 2));
  file.write(io_detail::to_little_endian(std::span<const std::uint16_t>(length)));
  file.write(header);
  file.write(io_detail::to_little_endian(values));
  file.commit();
}

}  // namespace lifelong::io
