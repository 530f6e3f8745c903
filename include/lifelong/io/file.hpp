// SPDX-License-Identifier: MIT
// Reads and writes whole files for the formats in this folder.
#pragma once

#include <lifelong/config/push_macros.hpp>

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
#include <lifelong/core/memory.hpp>
#include <lifelong/io/temporary_file.hpp>

namespace lifelong::io::io_detail {

using lifelong::detail::raise;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// Returns what `body` returns, which reads or writes `file`. \throws OutOfMemory if there is too little memory.
template <class Body>
auto with_memory_for(const std::string& file, const Body& body) {
  return lifelong::detail::with_memory(body, [&] { return "'" + file + "' does not fit into memory"; });
}

/// \throws FileError for a path that the system would cut off at a zero byte, and so read or write another file.
inline void require_path(const std::string& path) {
  if (path.find('\0') != std::string::npos)
    raise<FileError>("'" + std::string(path.c_str()) + "...' is no path: it has a zero byte");
}

/// \throws FileError if there is no such file or it may not be read.
inline File open_to_read(const std::string& path) {
  require_path(path);
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) raise<FileError>("'" + path + "' cannot be read: it is a folder");
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

/// A file that appears under its name in one step, when it is complete, also after a power failure. If it is never
/// completed, an older file of that name stays. What a killed process leaves of its file, the next one in the folder
/// removes; files that are being written are left alone. Locks tell the two apart, so machines that share a folder
/// without sharing locks must not write to it at once.
class AtomicFile {
 public:
  /// \throws FileError if no file can be made in the folder of `path`, or `path` is something other than a file.
  explicit AtomicFile(std::string path) : path_(std::move(path)) {
    require_path(path_);
    std::error_code error;
    const auto there = std::filesystem::status(path_, error);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) fail("it is not a file");
    if (!file_.open(path_)) fail(std::strerror(errno));
  }
  ~AtomicFile() { file_.discard(); }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// \throws FileError if it does not fit on the disk.
  void write(std::span<const std::byte> bytes) {
    if (!file_.write(bytes)) fail(std::strerror(errno));
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Moves the file to its place. \throws FileError if that is impossible; the new file is then gone.
  void commit() {
    if (file_.move_to(path_)) return;
    const std::string reason = std::strerror(errno);
    file_.discard();
    fail(reason);
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    raise<FileError>("'" + path_ + "' cannot be written: " + reason);
  }

  std::string path_;
  TemporaryFile file_;
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

#include <lifelong/config/pop_macros.hpp>
