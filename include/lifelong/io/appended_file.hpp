// SPDX-License-Identifier: MIT
// A file of lines that grows at its end, over several runs of a program.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <lifelong/core/error.hpp>
#include <lifelong/io/file.hpp>

namespace lifelong::io::io_detail {

/// A text file whose first line is `header`, which lines are appended to. Each has left the program when `write`
/// returns. A line that a killed program left unfinished is ended, so that the next one stands alone.
class AppendedFile {
 public:
  /// Opens the file, or makes it with its header. \throws FileError if it cannot be read and written; FormatError if it
  /// begins with another header.
  AppendedFile(std::string path, std::string_view header) : path_(std::move(path)) {
    require_path(path_);
    std::error_code error;
    const auto there = std::filesystem::status(path_, error);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) fail("it is not a file");
    file_.reset(std::fopen(path_.c_str(), "a+b"));
    if (!file_) fail(std::strerror(errno));
    const std::string first_line = std::string(header) + "\n";
    const int last = last_byte();
    if (last == EOF)
      write(first_line);
    else if (!begins_with(first_line))
      raise<FormatError>("'" + path_ + "' does not begin with the line " + std::string(header) +
                         ": it is another file, or has other columns");
    else if (last != '\n')
      write("\n");
  }

  /// Appends `text`. \throws FileError if it does not fit on the disk.
  void write(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() || std::fflush(file_.get()) != 0)
      fail(std::strerror(errno));
  }

 private:
  /// EOF of an empty file.
  [[nodiscard]] int last_byte() const {
    if (std::fseek(file_.get(), -1, SEEK_END) != 0) return EOF;
    return std::fgetc(file_.get());
  }
  [[nodiscard]] bool begins_with(const std::string& line) const {
    std::rewind(file_.get());
    const auto bytes = next_bytes(file_.get(), line.size(), path_);
    std::fseek(file_.get(), 0, SEEK_END);  // between reading and writing
    return bytes.size() == line.size() && std::memcmp(bytes.data(), line.data(), line.size()) == 0;
  }
  [[noreturn]] void fail(const std::string& reason) const {
    raise<FileError>("'" + path_ + "' cannot be written: " + reason);
  }

  std::string path_;
  File file_;
};

}  // namespace lifelong::io::io_detail

#include <lifelong/config/pop_macros.hpp>
