// SPDX-License-Identifier: MIT
#include "files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <lifelong/core/error.hpp>
#include <system_error>

namespace lab {

namespace fs = std::filesystem;

namespace {

fs::path temporary_beside(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.{}.tmp", path.filename().string(), getpid());
}

[[noreturn]] void fail(const std::string& what, const fs::path& path, const std::string& reason) {
  throw lifelong::FileError(fmt::format("{} '{}': {}", what, path.string(), reason));
}

void write(const fs::path& path, const std::string& contents) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << contents;
  file.close();
  if (file) return;
  const std::string reason = std::strerror(errno);
  std::error_code ignored;
  fs::remove(path, ignored);
  fail("cannot write", path, reason);
}

}  // namespace

void require_writable_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error))
    fail("cannot write results into", folder, "it is a file, not a folder");
  fs::create_directories(folder, error);
  if (error) fail("cannot create the output folder", folder, error.message());
  const fs::path probe = temporary_beside(folder / "probe");
  write(probe, "probe");
  fs::remove(probe, error);
}

void write_atomically(const fs::path& path, const std::string& contents) {
  const fs::path temporary = temporary_beside(path);
  write(temporary, contents);
  std::error_code error;
  fs::rename(temporary, path, error);
  if (!error) return;
  std::error_code ignored;
  fs::remove(temporary, ignored);
  fail("cannot write", path, error.message());
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string contents{std::istreambuf_iterator<char>(file), {}};
  if (!file) fail("cannot read", path, std::strerror(errno));
  return contents;
}

}  // namespace lab
