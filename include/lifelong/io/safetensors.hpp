// SPDX-License-Identifier: MIT
// Safetensors files (github.com/huggingface/safetensors): named arrays, in which PyTorch, JAX and others exchange
// weights.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/io/crc64.hpp>
#include <lifelong/io/file.hpp>
#include <lifelong/io/json.hpp>
#include <lifelong/io/safetensors_header.hpp>
#include <lifelong/io/scanner.hpp>

namespace lifelong::io {

/// Named arrays and text about them: the contents of a safetensors file that was read or is to be written.
class Safetensors {
 public:
  /// `name` is what errors call it.
  explicit Safetensors(std::string name = "safetensors") : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  /// All arrays, by name.
  [[nodiscard]] const std::map<std::string, Tensor, std::less<>>& tensors() const { return header_.tensors; }
  /// Text about the arrays: what made them, and how.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& metadata() const { return header_.metadata; }
  [[nodiscard]] bool contains(std::string_view tensor) const { return header_.tensors.contains(tensor); }

  /// \throws FormatError if there is no such array.
  [[nodiscard]] const Tensor& at(std::string_view tensor) const {
    const auto found = header_.tensors.find(tensor);
    if (found == header_.tensors.end())
      safetensors_detail::raise<FormatError>("'" + name_ + "' has no tensor " + io_detail::in_quotes(tensor));
    return found->second;
  }

  /// The elements as they lie in the file, row-major, least significant byte first; a view of this object.
  /// \throws FormatError if there is no such array.
  [[nodiscard]] std::span<const std::byte> bytes(std::string_view tensor) const {
    const Tensor& entry = at(tensor);
    return std::span(data_).subspan(entry.offset, entry.bytes);
  }

  /// The elements, row-major. Nothing is converted. \throws FormatError if there is no such array of type T.
  template <safetensors_detail::element T>
  [[nodiscard]] std::vector<T> values(std::string_view tensor) const {
    const std::string& dtype = at(tensor).dtype;
    if (dtype != safetensors_detail::dtype_of<T>)
      safetensors_detail::raise<FormatError>("tensor " + io_detail::in_quotes(tensor) + " of '" + name_ + "' is " +
                                             dtype + " where " + std::string(safetensors_detail::dtype_of<T>) +
                                             " is needed" + safetensors_detail::advice<T>(dtype));
    return io_detail::with_memory_for(name_, [&] { return io_detail::from_little_endian<T>(bytes(tensor)); });
  }

  /// Adds an array, row-major: `file.add<float>("0.bias", {16}, bias)`.
  /// \throws InvalidArgument for a name that is taken, reserved or not UTF-8, and for more than 64 dimensions;
  /// ShapeMismatch unless there are product(shape) values.
  template <safetensors_detail::element T>
  void add(const std::string& tensor, std::vector<std::size_t> shape, std::span<const T> values) {
    require_name(tensor);
    if (shape.size() > safetensors_detail::max_rank)
      safetensors_detail::raise<InvalidArgument>("tensor " + io_detail::in_quotes(tensor) + " has " +
                                                 std::to_string(shape.size()) + " dimensions, more than " +
                                                 std::to_string(safetensors_detail::max_rank));
    const auto count = lifelong::detail::checked_product(shape);
    if (!count || *count != values.size())
      safetensors_detail::raise<ShapeMismatch>("tensor " + io_detail::in_quotes(tensor) + " has " +
                                               std::to_string(values.size()) + " values, not the " +
                                               lifelong::detail::shape_text(shape) + " of its shape");
    io_detail::with_memory_for(name_, [&] {
      const std::vector<std::byte> bytes = io_detail::to_little_endian(values);
      Tensor entry{std::string(safetensors_detail::dtype_of<T>), std::move(shape), data_.size(), bytes.size()};
      data_.insert(data_.end(), bytes.begin(), bytes.end());
      header_.tensors.emplace(tensor, std::move(entry));
      header_.bytes = data_.size();
    });
  }

  /// Removes an array; the others keep their order. \throws FormatError if there is no such array.
  void remove(std::string_view tensor) {
    const std::size_t offset = at(tensor).offset, bytes = at(tensor).bytes;
    const auto begin = data_.begin() + static_cast<std::ptrdiff_t>(offset);
    data_.erase(begin, begin + static_cast<std::ptrdiff_t>(bytes));
    header_.bytes = data_.size();
    header_.tensors.erase(header_.tensors.find(tensor));
    for (auto& [name, other] : header_.tensors)
      if (other.offset > offset) other.offset -= bytes;
  }

  /// Sets a text. \throws InvalidArgument unless key and text are UTF-8.
  void set_metadata(const std::string& key, std::string text) {
    if (!io_detail::is_utf8(key) || !io_detail::is_utf8(text))
      safetensors_detail::raise<InvalidArgument>("metadata " + io_detail::in_quotes(key) + " is not UTF-8");
    header_.metadata.insert_or_assign(key, std::move(text));
  }

  friend Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name);
  friend Safetensors read_safetensors(const std::string& path, std::uint64_t limit);

 private:
  Safetensors(std::string name, safetensors_detail::Header header, std::vector<std::byte> data)
      : name_(std::move(name)), header_(std::move(header)), data_(std::move(data)) {}

  void require_name(const std::string& tensor) const {
    if (tensor == safetensors_detail::metadata_key || !io_detail::is_utf8(tensor))
      safetensors_detail::raise<InvalidArgument>(io_detail::in_quotes(tensor) + " cannot be the name of a tensor");
    if (contains(tensor))
      safetensors_detail::raise<InvalidArgument>("there already is a tensor " + io_detail::in_quotes(tensor));
  }

  std::string name_;
  safetensors_detail::Header header_;
  std::vector<std::byte> data_;
};

/// The contents of `bytes`, which must hold one safetensors file and nothing else. Errors call the file `name`.
/// \throws FormatError for anything the format does not allow: a header that is not strict JSON with unique names;
/// unknown types; offsets that do not fit types and shapes, overlap, leave gaps or reach past the end.
[[nodiscard]] inline Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
  return io_detail::with_memory_for(name, [&]() -> Safetensors {
    const std::size_t length = safetensors_detail::header_length(bytes, name);
    const auto rest = bytes.subspan(safetensors_detail::length_bytes);
    safetensors_detail::require_header(rest.size(), length, name);
    safetensors_detail::Header header = safetensors_detail::parse_header(rest.first(length), name);
    const auto data = rest.subspan(length);
    safetensors_detail::require_data(header, data.size(), name);
    return {name, std::move(header), std::vector<std::byte>(data.begin(), data.end())};
  });
}

/// Reads a safetensors file with at most `limit` bytes of data. No more is allocated than the file really holds,
/// whatever its header says.
/// \throws FileError if it cannot be read; FormatError as `parse_safetensors`, and for data beyond the limit;
/// OutOfMemory if there is too little memory for it.
[[nodiscard]] inline Safetensors read_safetensors(const std::string& path,
                                                  std::uint64_t limit = std::uint64_t{1} << 36) {
  return io_detail::with_memory_for(path, [&]() -> Safetensors {
    const io_detail::File file = io_detail::open_to_read(path);
    const auto next = [&](std::uint64_t count) { return io_detail::next_bytes(file.get(), count, path); };
    const std::size_t length = safetensors_detail::header_length(next(safetensors_detail::length_bytes), path);
    const std::vector<std::byte> text = next(length);
    safetensors_detail::require_header(text.size(), length, path);
    safetensors_detail::Header header = safetensors_detail::parse_header(text, path);
    if (header.bytes > limit)
      safetensors_detail::raise<FormatError>("'" + path + "' claims " + std::to_string(header.bytes) +
                                             " bytes of data, more than the limit of " + std::to_string(limit));
    std::vector<std::byte> data = next(std::uint64_t{header.bytes} + 1);  // one more, to notice an overlong file
    safetensors_detail::require_data(header, data.size(), path);
    return {path, std::move(header), std::move(data)};
  });
}

namespace safetensors_detail {

inline std::vector<const Tensors::value_type*> in_file_order(const Safetensors& file) {
  return in_file_order(file.tensors());
}
inline std::string header_text(const Safetensors& file) { return header_text(file.tensors(), file.metadata()); }

inline constexpr const char* checksum_key = "lifelong.checksum";

/// The checksum of all names, types, shapes, values and metadata but itself.
inline std::string checksum_of(const Safetensors& file) {
  Metadata metadata = file.metadata();
  metadata.erase(checksum_key);
  io_detail::Crc64 crc;
  crc.add(header_text(file.tensors(), metadata));
  for (const auto* entry : in_file_order(file)) crc.add(file.bytes(entry->first));
  return "crc64 " + crc.text();
}

inline bool has_checksum(const Safetensors& file) { return file.metadata().contains(checksum_key); }
inline bool is_intact(const Safetensors& file) { return file.metadata().at(checksum_key) == checksum_of(file); }

}  // namespace safetensors_detail

/// Adds a checksum over all tensors and metadata, CRC-64 under the key `lifelong.checksum`. A change of the contents
/// needs another call, or they count as damaged. It takes one pass over the data.
inline void seal(Safetensors& contents) {
  contents.set_metadata(safetensors_detail::checksum_key, safetensors_detail::checksum_of(contents));
}

/// \throws FormatError unless there is a checksum and it is that of the contents.
inline void require_seal(const Safetensors& contents) {
  using namespace safetensors_detail;
  if (!has_checksum(contents))
    raise<FormatError>("'" + contents.name() +
                       "' has no checksum: it is damaged, or it is no checkpoint of this version of lifelong");
  if (!is_intact(contents))
    raise<FormatError>("'" + contents.name() + "' is damaged: its contents are not those its checksum was made of");
}

/// Writes a safetensors file in one step: `path` is either the whole new file or what it was before, also after a power
/// failure. The same contents make the same bytes. \throws FileError if it cannot be written, InvalidArgument if the
/// contents have changed since `seal` added a checksum, or their names and texts take more than 100 MB.
inline void write_safetensors(const std::string& path, const Safetensors& contents) {
  io_detail::with_memory_for(path, [&] {
    if (safetensors_detail::has_checksum(contents) && !safetensors_detail::is_intact(contents))
      safetensors_detail::raise<InvalidArgument>(
          "'" + path +
          "' would be a damaged file: its contents have changed since their checksum was made; call "
          "io::seal(contents) after the last change");
    const std::string header = safetensors_detail::header_text(contents);
    if (header.size() > safetensors_detail::longest_header)
      safetensors_detail::raise<InvalidArgument>("'" + path + "' would have a header of " +
                                                 std::to_string(header.size()) + " bytes, more than can be read again");
    const std::uint64_t length[] = {header.size()};
    io_detail::AtomicFile file(path);
    file.write(io_detail::to_little_endian(std::span<const std::uint64_t>(length)));
    file.write(header);
    for (const auto* entry : safetensors_detail::in_file_order(contents)) file.write(contents.bytes(entry->first));
    file.commit();
  });
}

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
