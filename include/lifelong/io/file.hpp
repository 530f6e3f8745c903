// SPDX-License-Identifier: MIT
// Reads and writes whole files for the formats in this folder.
#pragma once

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>

namespace lifelong::io::io_detail {

using lifelong::detail::raise;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// \throws FileError if there is no such file or it may not be read.
inline File open_to_read(const std::string& path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) raise<FileError>("'" + path + "' cannot be opened");
  return file;
}

/// The next bytes of `file`: `limit` of them, or as many as there are. Memory grows with what is there, not with the
/// limit.
inline std::vector<std::byte> next_bytes(std::FILE* file, std::uint64_t limit, const std::string& name) {
  constexpr std::size_t at_first = 1 << 16;
  std::vector<std::byte> bytes;
  std::size_t filled = 0;
  do {
    const std::size_t doubled = filled < at_first ? at_first : 2 * filled;
    bytes.resize(doubled < limit ? doubled : static_cast<std::size_t>(limit));
    filled += std::fread(bytes.data() + filled, 1, bytes.size() - filled, file);
  } while (filled == bytes.size() && filled < limit);
  if (std::ferror(file) != 0) raise<FileError>("'" + name + "' cannot be read");
  bytes.resize(filled);
  return bytes;
}

/// A file that appears under its name in one step, when it is complete. If it is never completed, an older file of that
/// name stays and nothing else is left.
class AtomicFile {
 public:
  /// \throws FileError if no file can be made in the folder of `path`, or `path` is something other than a file.
  explicit AtomicFile(std::string path) : path_(std::move(path)) {
    std::error_code error;
    const auto there = std::filesystem::status(path_, error);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) fail("it is not a file");
    constexpr int attempts = 100;  // other programs may be writing the same file, or have crashed and left theirs
    for (int i = 0; i < attempts && !file_; ++i) {
      temporary_ = path_ + "." + std::to_string(i) + ".tmp";
      file_.reset(std::fopen(temporary_.c_str(), "wbx"));
      if (!file_ && errno != EEXIST) break;
    }
    if (!file_) fail(std::strerror(errno));
  }
  ~AtomicFile() {
    if (file_) discard();
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// \throws FileError if it does not fit on the disk.
  void write(std::span<const std::byte> bytes) {
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size())
      fail(std::strerror(errno));
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Moves the file to its place. \throws FileError if that is impossible; the new file is then gone.
  void commit() {
    const bool closed = std::fclose(file_.release()) == 0;
    if (closed && std::rename(temporary_.c_str(), path_.c_str()) == 0) return;
    const std::string reason = std::strerror(errno);
    discard();
    fail(reason);
  }

 private:
  void discard() {
    file_.reset();
    std::remove(temporary_.c_str());
  }
  [[noreturn]] void fail(const std::string& reason) const {
    raise<FileError>("'" + path_ + "' cannot be written: " + reason);
  }

  std::string path_, temporary_;
  File file_;
};

/// Reverses the bytes of elements of `size` bytes where the processor keeps the most significant byte first.
inline void swap_if_big_endian([[maybe_unused]] std::span<std::byte> bytes, [[maybe_unused]] std::size_t size) {
  if constexpr (std::endian::native == std::endian::big)
    for (std::size_t at = 0; at < bytes.size(); at += size) std::ranges::reverse(bytes.subspan(at, size));
}

/// The values in `bytes`, least significant byte first. There must be a whole number of them.
template <class T>
std::vector<T> from_little_endian(std::span<const std::byte> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  swap_if_big_endian(std::as_writable_bytes(std::span(values)), sizeof(T));
  return values;
}

template <class T>
std::vector<std::byte> to_little_endian(std::span<const T> values) {
  const auto native = std::as_bytes(values);
  std::vector<std::byte> bytes(native.begin(), native.end());
  swap_if_big_endian(bytes, sizeof(T));
  return bytes;
}

}  // namespace lifelong::io::io_detail
