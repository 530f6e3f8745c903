// SPDX-License-Identifier: MIT
#include "files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <lifelong/core/error.hpp>
#include <lifelong/io/file.hpp>
#include <system_error>

namespace lab {

namespace fs = std::filesystem;
using lifelong::io::io_detail::AtomicFile;

namespace {

[[noreturn]] void fail(const std::string& what, const fs::path& path, const std::string& reason) {
  throw lifelong::FileError(fmt::format("{} '{}': {}", what, path.string(), reason));
}

}  // namespace

void require_writable_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error))
    fail("cannot write results into", folder, "it is a file, not a folder");
  fs::create_directories(folder, error);
  if (error) fail("cannot create the output folder", folder, error.message());
  AtomicFile(folder / "probe").write("probe");  // never completed, so it leaves nothing
}

void write_atomically(const fs::path& path, const std::string& contents) {
  AtomicFile file(path);
  file.write(contents);
  file.commit();
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string contents{std::istreambuf_iterator<char>(file), {}};
  if (!file) fail("cannot read", path, std::strerror(errno));
  return contents;
}

}  // namespace lab
