// SPDX-License-Identifier: MIT
// NPY files, the format of `numpy.save`: one array (numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
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
#include <lifelong/io/npy_header.hpp>

namespace lifelong::io {

/// An array from an NPY file.
struct NpyArray {
  std::string name;                ///< what errors call it, usually its path
  std::string dtype;               ///< as NumPy spells it, little-endian: `<f2`, `<f4`, `<i8`, `|u1`, `|b1`, ...
  std::vector<std::size_t> shape;  ///< empty for a single value
  std::vector<std::byte> bytes;    ///< product(shape) elements, row-major, least significant byte first

  /// The elements, row-major. No value changes: truth values are `std::uint8_t` of 0 and 1, halves (float16) are
  /// `float`. \throws FormatError unless they are of type T.
  template <npy_detail::element T>
  [[nodiscard]] std::vector<T> values() const {
    const std::string type(npy_detail::dtype_of<T>);
    if (!npy_detail::holds<T>(dtype))
      npy_detail::raise<FormatError>("'" + name + "' holds " + dtype + " where " + type +
                                     " is needed: save x.astype('" + type + "')" +
                                     (std::is_same_v<T, std::int32_t> ? ", or read classes by labels()" : ""));
    return io_detail::with_memory_for(name, [&] { return elements<T>(); });
  }

  /// Calls `use(std::vector<T>)` with the elements, where T is the type in which `values` gives them.
  template <class Use>
  void visit(Use&& use) const {
    npy_detail::with_element(dtype, [&]<class T>(T) { use(values<T>()); });
  }

  /// The elements as the classes of N examples, an array of N or N x 1, whatever type of whole numbers Python has saved
  /// them in: int64, as PyTorch and NumPy make them, uint8, bool, ... \throws FormatError, which names the element, for
  /// one that is below 0 or does not fit; and for floats or another shape.
  [[nodiscard]] std::vector<std::int32_t> labels() const {
    const bool column = shape.size() == 2 && shape[1] == 1;
    if (shape.size() != 1 && !column)
      npy_detail::raise<FormatError>("'" + name + "' has " + std::to_string(shape.size()) + " dimensions" +
                                     (shape.empty() ? "" : " (" + lifelong::detail::shape_text(shape) + ")") +
                                     ", but labels have one, a class for each example: save y.ravel(), or "
                                     "y.argmax(axis=1) if there is a column for each class");
    std::vector<std::int32_t> labels;
    visit([&](const auto& values) { io_detail::with_memory_for(name, [&] { labels = labels_of(values); }); });
    return labels;
  }

 private:
  template <class T>
  [[nodiscard]] std::vector<T> elements() const {
    if constexpr (std::is_same_v<T, float>)
      if (dtype == "<f2") {
        const std::vector<std::uint16_t> halves = io_detail::from_little_endian<std::uint16_t>(bytes);
        std::vector<float> values(halves.size());
        std::ranges::transform(halves, values.begin(), io_detail::from_half);
        return values;
      }
    return io_detail::from_little_endian<T>(bytes);
  }

  template <class V>
  [[nodiscard]] std::vector<std::int32_t> labels_of(const std::vector<V>& values) const {
    if constexpr (std::is_integral_v<V>) {
      for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] < V(0) || !std::in_range<std::int32_t>(values[i]))
          npy_detail::raise<FormatError>("'" + name + "'[" + std::to_string(i) + "] is " + std::to_string(values[i]) +
                                         ", but classes count from 0 to " +
                                         std::to_string(std::numeric_limits<std::int32_t>::max()));
      return {values.begin(), values.end()};
    } else {
      npy_detail::raise<FormatError>("'" + name + "' holds " + dtype +
                                     ", but labels are whole numbers: save y.astype('<i8')");
    }
  }
};

namespace npy_detail {

/// \throws FormatError unless `data` is as long as the header says.
inline NpyArray make_array(Header header, std::vector<std::byte> data, const std::string& file) {
  if (data.size() != header.bytes)
    raise<FormatError>("'" + file + "' is too " + (data.size() < header.bytes ? "short" : "long") +
                       ": its header claims " + lifelong::detail::shape_text(header.shape) + " values of " +
                       header.dtype);
  if (header.columns_first) data = rows_first(data, header);
  if (header.big_endian) reverse_elements(data, bytes_of(header.dtype));
  return {file, std::move(header.dtype), std::move(header.shape), std::move(data)};
}

}  // namespace npy_detail

/// The array in `bytes`, which must hold one NPY file (version 1 to 3) and nothing else. Errors call the file `name`.
/// Arrays in Fortran order become row-major, big-endian ones little-endian. \throws FormatError for records, objects
/// and other types that are not read, and for a size that is not what the header says.
[[nodiscard]] inline NpyArray parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  return io_detail::with_memory_for(name, [&] {
    const auto first =
        bytes.first(bytes.size() < npy_detail::preamble_bytes ? bytes.size() : npy_detail::preamble_bytes);
    const npy_detail::Extent extent = npy_detail::header_extent(first, name);
    if (bytes.size() - extent.first < extent.length)
      npy_detail::raise<FormatError>("'" + name + "' ends within its NPY header");
    npy_detail::Header header = npy_detail::parse_header(bytes.subspan(extent.first, extent.length), name);
    const auto data = bytes.subspan(extent.first + extent.length);
    return npy_detail::make_array(std::move(header), {data.begin(), data.end()}, name);
  });
}

/// Reads an NPY file with at most `limit` bytes of data. No more is allocated than the file really holds, whatever its
/// header says.
/// \throws FileError if it cannot be read; FormatError as `parse_npy`, and for data beyond the limit; OutOfMemory if
/// there is too little memory for it.
[[nodiscard]] inline NpyArray read_npy(const std::string& path, std::uint64_t limit = std::uint64_t{1} << 36) {
  return io_detail::with_memory_for(path, [&] {
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
  });
}

namespace npy_detail {

/// The bytes before the data, as NumPy writes them: the data are aligned to 64 bytes.
inline std::string start_of_file(std::string_view dtype, const std::vector<std::size_t>& shape) {
  std::string header = "{'descr': '" + std::string(dtype) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    header += (axis > 0 ? ", " : "") + std::to_string(shape[axis]);
  header += shape.size() == 1 ? ",), }" : "), }";
  constexpr std::size_t before = 10, alignment = 64;
  header.resize((before + header.size() + 1 + alignment - 1) / alignment * alignment - before - 1, ' ');
  header += '\n';
  std::string start(magic);
  start += {'\x01', '\0', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  return start + header;
}

}  // namespace npy_detail

/// Writes an array, row-major, as NPY version 1, in one step: `path` is either the whole new file or what it was
/// before. Example: `write_npy<float>("x.npy", {n, 784}, x)`. \throws ShapeMismatch unless there are product(shape)
/// values; InvalidArgument for more than 64 dimensions; FileError if it cannot be written.
template <npy_detail::element T>
void write_npy(const std::string& path, const std::vector<std::size_t>& shape, std::span<const T> values) {
  if (shape.size() > npy_detail::max_rank)
    npy_detail::raise<InvalidArgument>("'" + path + "' would have " + std::to_string(shape.size()) +
                                       " dimensions, more than the " + std::to_string(npy_detail::max_rank) +
                                       " of NumPy");
  const auto count = lifelong::detail::checked_product(shape);
  if (!count || *count != values.size())
    npy_detail::raise<ShapeMismatch>("'" + path + "' would have " + std::to_string(values.size()) +
                                     " values, not the " + lifelong::detail::shape_text(shape) + " of its shape");
  io_detail::with_memory_for(path, [&] {
    io_detail::AtomicFile file(path);
    file.write(npy_detail::start_of_file(npy_detail::dtype_of<T>, shape));
    file.write(io_detail::to_little_endian(values));
    file.commit();
  });
}

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
