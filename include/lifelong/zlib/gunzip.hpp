// SPDX-License-Identifier: MIT
// Unpacks gzip with zlib; link with it (-lz).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <zlib.h>

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/error.hpp>

namespace lifelong::zlib {

namespace detail {

/// An inflate state of zlib, which its destructor releases.
struct Inflater {
  explicit Inflater(const std::string& name) {
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream, MAX_WBITS + gzip_only) != Z_OK)
      lifelong::detail::raise<Error>("zlib cannot start to unpack '" + name + "'");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
};

inline uInt clamped(std::size_t size) {
  constexpr std::size_t most = std::numeric_limits<uInt>::max();
  return static_cast<uInt>(size < most ? size : most);
}

}  // namespace detail

/// The first `limit` bytes of what the gzip stream `packed` holds, or all of it if that is less. Errors call the stream
/// `name`. Checksum and length at the stream's end are verified whenever the end is reached, that is if fewer than
/// `limit` bytes are returned. Memory grows with the output, up to twice its size, and not with the size that the
/// stream states.
/// \throws FormatError if the data is not a gzip stream, is damaged, ends early or is followed by other data. A
/// sequence of gzip members counts as one stream (RFC 1952).
[[nodiscard]] inline std::vector<std::byte> gunzip(std::span<const std::byte> packed, std::size_t limit,
                                                   const std::string& name) {
  detail::Inflater inflater(name);
  z_stream& stream = inflater.stream;
  std::vector<std::byte> out;
  std::size_t used = 0, filled = 0;
  bool at_end = false;  // whether the end of a member was reached
  while (filled < limit && !(at_end && used == packed.size())) {
    if (at_end && inflateReset(&stream) != Z_OK) lifelong::detail::raise<Error>("zlib cannot unpack '" + name + "'");
    if (filled == out.size()) {
      const std::size_t doubled = filled < 1 << 16 ? 1 << 16 : filled > limit / 2 ? limit : 2 * filled;
      out.resize(doubled < limit ? doubled : limit);
    }
    const uInt in_size = detail::clamped(packed.size() - used), out_size = detail::clamped(out.size() - filled);
    // zlib reads through a pointer to non-const for historical reasons.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + used));
    stream.avail_in = in_size;
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    stream.avail_out = out_size;
    const int result = inflate(&stream, Z_NO_FLUSH);
    used += in_size - stream.avail_in;
    filled += out_size - stream.avail_out;
    at_end = result == Z_STREAM_END;
    if (result == Z_BUF_ERROR || (result == Z_OK && used == packed.size() && stream.avail_out != 0))
      lifelong::detail::raise<FormatError>("'" + name + "' ends in the middle of its gzip stream");
    if (result != Z_OK && !at_end)
      lifelong::detail::raise<FormatError>(
          "'" + name + "' is not an intact gzip stream: " +
          (stream.msg != nullptr ? stream.msg : "zlib error " + std::to_string(result)));
  }
  out.resize(filled);
  return out;
}

}  // namespace lifelong::zlib

#include <lifelong/config/pop_macros.hpp>
