// SPDX-License-Identifier: MIT
// IDX files, the format of MNIST, Fashion-MNIST, KMNIST and EMNIST (yann.lecun.com/exdb/mnist).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/io/file.hpp>
#include <lifelong/stream/dataset.hpp>

namespace lifelong::io {

/// An array of bytes with a shape, row-major.
struct IdxArray {
  std::vector<std::size_t> shape;    ///< 1 to 8 extents
  std::vector<std::uint8_t> values;  ///< product(shape) values
};

/// A function that returns the first `limit` bytes of what `packed` unpacks to, or all of it if that is less; then it
/// has verified the checksum. Errors call the file `name`. `lifelong::zlib::gunzip` is such a function.
using Unpack = std::vector<std::byte> (*)(std::span<const std::byte> packed, std::size_t limit,
                                          const std::string& name);

/// How an IDX file is read.
struct IdxOptions {
  Unpack unpack = nullptr;                       ///< unpacks `.gz` files, for example `zlib::gunzip`
  std::uint64_t limit = std::uint64_t{1} << 32;  ///< size of the largest array that is accepted, in bytes
};

namespace idx_detail {

using lifelong::detail::raise;

struct IdxHeader {
  std::vector<std::size_t> shape;
  std::size_t length = 0;  ///< bytes of the header itself
  std::size_t values = 0;  ///< bytes that must follow
};

inline constexpr std::size_t idx_max_rank = 8;
inline constexpr std::size_t idx_max_header = 4 + 4 * idx_max_rank;

/// Reads the header at the front of `bytes`: 0, 0, type, rank, then each extent in 32 bits, most significant first.
inline IdxHeader idx_header(std::span<const std::byte> bytes, const std::string& name) {
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  if (bytes.size() < 4) raise<FormatError>("'" + name + "' is shorter than an IDX header");
  if (byte(0) == 0x1f && byte(1) == 0x8b)
    raise<FormatError>("'" + name + "' does not start like an IDX file: it is packed by gzip; let its name end in .gz");
  if (byte(0) != 0 || byte(1) != 0) raise<FormatError>("'" + name + "' does not start like an IDX file");
  if (byte(2) != 0x08)
    raise<FormatError>("'" + name + "' has IDX element type " + std::to_string(byte(2)) +
                       ", but only type 8, unsigned bytes, is read; save other types by numpy.save for read_npy");
  const std::size_t rank = byte(3);
  if (rank == 0 || rank > idx_max_rank)
    raise<FormatError>("'" + name + "' has " + std::to_string(rank) + " dimensions, but 1 to " +
                       std::to_string(idx_max_rank) + " are read");
  IdxHeader header;
  header.length = 4 + 4 * rank;
  if (bytes.size() < header.length) raise<FormatError>("'" + name + "' ends within its IDX header");
  for (std::size_t at = 4; at < header.length; at += 4)
    header.shape.push_back(std::size_t{byte(at)} << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3));
  const auto values = lifelong::detail::checked_product(header.shape);
  if (!values || *values > std::numeric_limits<std::size_t>::max() - idx_max_header - 1)
    raise<FormatError>("'" + name +
                       "' claims more values than memory can have: " + lifelong::detail::shape_text(header.shape));
  header.values = *values;
  return header;
}

inline void require_idx_limit(const IdxHeader& header, std::uint64_t limit, const std::string& name) {
  if (header.values > limit)
    raise<FormatError>("'" + name + "' claims " + std::to_string(header.values) + " values, more than the limit of " +
                       std::to_string(limit));
}

/// The IDX bytes in a gzip stream. It unpacks the header first, then one byte more than the header asks for, so that an
/// overlong stream is noticed and never stored.
inline std::vector<std::byte> unpack_idx(std::span<const std::byte> packed, const IdxOptions& options,
                                         const std::string& name) {
  const IdxHeader header = idx_header(options.unpack(packed, idx_max_header, name), name);
  require_idx_limit(header, options.limit, name);
  return options.unpack(packed, header.length + header.values + 1, name);
}

inline bool ends_with_gz(const std::string& path) { return path.size() >= 3 && path.substr(path.size() - 3) == ".gz"; }

}  // namespace idx_detail

/// The array in `bytes`, which must hold one IDX file and nothing else. Errors call the file `name`.
/// \throws FormatError for anything but unsigned bytes in 1 to 8 dimensions, or a size that is not what the header
/// says.
[[nodiscard]] inline IdxArray parse_idx(std::span<const std::byte> bytes, const std::string& name) {
  return io_detail::with_memory_for(name, [&]() -> IdxArray {
    idx_detail::IdxHeader header = idx_detail::idx_header(bytes, name);
    const std::size_t present = bytes.size() - header.length;
    if (present != header.values)
      idx_detail::raise<FormatError>("'" + name + "' is too " + (present < header.values ? "short" : "long") +
                                     ": its header claims " + std::to_string(header.values) + " values, but " +
                                     (present < header.values ? std::to_string(present) : "more") + " follow");
    const auto* values = reinterpret_cast<const std::uint8_t*>(bytes.data()) + header.length;
    return {std::move(header.shape), std::vector<std::uint8_t>(values, values + present)};
  });
}

namespace idx_detail {

/// The bytes of a file that is not packed: as many as its header claims, and one more if there are more.
inline std::vector<std::byte> plain_idx(std::FILE* file, const IdxOptions& options, const std::string& path) {
  std::vector<std::byte> bytes = io_detail::next_bytes(file, idx_max_header, path);
  const IdxHeader header = idx_header(bytes, path);
  require_idx_limit(header, options.limit, path);
  const std::size_t end = header.length + header.values + 1;
  if (bytes.size() >= end) return bytes;
  const std::vector<std::byte> rest = io_detail::next_bytes(file, end - bytes.size(), path);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

/// The unpacked bytes of a file that is packed.
inline std::vector<std::byte> packed_idx(std::FILE* file, const IdxOptions& options, const std::string& path) {
  constexpr std::uint64_t slack = 1 << 20;
  const std::uint64_t most = std::numeric_limits<std::size_t>::max() / 2;
  const std::uint64_t limit = options.limit < most - slack ? options.limit + slack : most;
  return unpack_idx(io_detail::next_bytes(file, limit, path), options, path);
}

}  // namespace idx_detail

/// Reads one IDX file, which `options.unpack` unpacks if its name ends in `.gz`. No more is allocated than the file
/// really holds, whatever its header says.
/// \throws FileError if it cannot be read; InvalidArgument for a `.gz` without `options.unpack`; FormatError for
/// damaged, truncated or overlong contents; OutOfMemory if there is too little memory for it.
[[nodiscard]] inline IdxArray read_idx(const std::string& path, IdxOptions options = {}) {
  const bool packed = idx_detail::ends_with_gz(path);
  if (packed && options.unpack == nullptr)
    idx_detail::raise<InvalidArgument>("'" + path +
                                       "' is packed: pass IdxOptions{.unpack = lifelong::zlib::gunzip} from "
                                       "<lifelong/zlib.hpp>, or unpack the file");
  return io_detail::with_memory_for(path, [&] {
    const io_detail::File file = io_detail::open_to_read(path);
    return parse_idx(
        packed ? idx_detail::packed_idx(file.get(), options, path) : idx_detail::plain_idx(file.get(), options, path),
        path);
  });
}

/// Images with their labels from a pair of IDX files, as a data set that owns them.
/// \throws FormatError unless the images have 3 dimensions and pixels, and the labels 1 dimension and the same number;
/// and what `read_idx` throws.
[[nodiscard]] inline Dataset<std::uint8_t> read_idx_dataset(const std::string& images_path,
                                                            const std::string& labels_path, IdxOptions options = {}) {
  const IdxArray labels = read_idx(labels_path, options);
  if (labels.shape.size() != 1)
    idx_detail::raise<FormatError>("'" + labels_path + "' should have 1 dimension, but has " +
                                   std::to_string(labels.shape.size()));
  IdxArray images = read_idx(images_path, options);
  if (images.shape.size() != 3)
    idx_detail::raise<FormatError>("'" + images_path + "' should have 3 dimensions, but has " +
                                   std::to_string(images.shape.size()));
  if (images.values.empty())
    idx_detail::raise<FormatError>("'" + images_path +
                                   "' has no pixels: " + lifelong::detail::shape_text(images.shape));
  if (images.shape[0] != labels.values.size())
    idx_detail::raise<FormatError>("'" + images_path + "' has " + std::to_string(images.shape[0]) + " images, but '" +
                                   labels_path + "' has " + std::to_string(labels.values.size()) + " labels");
  return io_detail::with_memory_for(labels_path, [&]() -> Dataset<std::uint8_t> {
    return {std::move(images.values),
            std::vector<std::int32_t>(labels.values.begin(), labels.values.end()),
            {images.shape[1], images.shape[2]}};
  });
}

namespace idx_detail {

inline bool can_open(const std::string& path) {
  io_detail::require_path(path);
  return io_detail::File(std::fopen(path.c_str(), "rb")) != nullptr;
}

/// `folder/file`, or `folder/file.gz` if only that is there.
inline std::string idx_path(const std::string& folder, const char* file) {
  const bool closed = folder.empty() || folder.back() == '/';
  std::string plain = folder + (closed ? "" : "/") + file, packed = plain + ".gz";
  if (can_open(plain)) return plain;
  if (can_open(packed)) return packed;
  raise<FileError>("neither '" + plain + "' nor '" + packed + "' can be opened" +
                   (folder.empty() || can_open(folder) ? "" : ": there is no folder '" + folder + "'"));
}

}  // namespace idx_detail

/// Loads the four files of MNIST from `folder`: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or, if there is no plain one, with `.gz`. Inputs are
/// read as pixel / 255.
/// \throws FileError, which names what was looked for; ShapeMismatch if train and test images differ in size; and what
/// `read_idx_dataset` throws.
[[nodiscard]] inline SplitData<std::uint8_t> load_idx(const std::string& folder, IdxOptions options = {}) {
  const std::string train_images = idx_detail::idx_path(folder, "train-images-idx3-ubyte");
  const std::string train_labels = idx_detail::idx_path(folder, "train-labels-idx1-ubyte");
  const std::string test_images = idx_detail::idx_path(folder, "t10k-images-idx3-ubyte");
  const std::string test_labels = idx_detail::idx_path(folder, "t10k-labels-idx1-ubyte");
  SplitData<std::uint8_t> data{read_idx_dataset(train_images, train_labels, options),
                               read_idx_dataset(test_images, test_labels, options)};
  if (data.train.shape() != data.test.shape())
    idx_detail::raise<ShapeMismatch>("'" + train_images + "' has images of " +
                                     lifelong::detail::shape_text(data.train.shape()) + ", but '" + test_images +
                                     "' of " + lifelong::detail::shape_text(data.test.shape()));
  return data;
}

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
