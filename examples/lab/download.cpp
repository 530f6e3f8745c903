// SPDX-License-Identifier: MIT
#include "download.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <lifelong/core/error.hpp>
#include <lifelong/zlib.hpp>
#include <span>
#include <system_error>

#include "files.hpp"
#include "interrupt.hpp"
#include "sha256.hpp"

namespace lab {

namespace fs = std::filesystem;

namespace {

/// Runs a program found on the path; its exit status, or -1 if it cannot be run.
int run_program(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return -1;
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

void check(const RemoteFile& file, const fs::path& path) {
  constexpr std::size_t limit = std::size_t{1} << 30;
  const std::string packed = read_file(path);
  const std::string hash = sha256(lifelong::zlib::gunzip(std::as_bytes(std::span(packed)), limit, path.string()));
  if (hash != file.sha256)
    throw lifelong::FormatError(
        fmt::format("what is called '{}' is something else: its SHA-256 is {}", file.name, hash));
}

/// Whether the file is there; one that is damaged is named.
bool is_whole(const RemoteFile& file, const fs::path& path) {
  if (!fs::exists(path)) return false;
  try {
    check(file, path);
    return true;
  } catch (const lifelong::FormatError& error) {
    fmt::print(stderr, "{} is damaged ({}): not used\n", path.string(), error.what());
    return false;
  }
}

void fetch(const RemoteFile& file, const std::string& address, const fs::path& folder) {
  const fs::path part = folder / fmt::format(".{}.{}.part", file.name, getpid());
  const std::string url = address + "/" + file.name;
  try {
    const int status = run_program({"curl", "--fail", "--location", "--silent", "--show-error", "--connect-timeout",
                                    "15", "--output", part.string(), url});
    stop_if_interrupted();
    if (status == -1) throw lifelong::FileError("the program 'curl' is needed for downloads, but cannot be run");
    if (status != 0) throw lifelong::FileError(fmt::format("'{}' cannot be downloaded", url));
    check(file, part);
    fs::rename(part, folder / file.name);
  } catch (...) {
    std::error_code ignored;
    fs::remove(part, ignored);
    throw;
  }
}

void fetch_from_any(const RemoteFile& file, std::span<const std::string> addresses, const fs::path& folder) {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    try {
      return fetch(file, addresses[i], folder);
    } catch (const lifelong::Error&) {
      if (i + 1 == addresses.size()) throw;
    }
  }
}

}  // namespace

void download(const std::string& name, const RemoteData& data, const fs::path& folder) {
  const char* mirror = std::getenv("LIFELONG_MIRROR");
  const std::vector<std::string> addresses =
      mirror == nullptr ? data.addresses : std::vector{fmt::format("{}/{}", mirror, name)};
  require_writable_folder(folder);
  for (const RemoteFile& file : data.files) {
    if (is_whole(file, folder / file.name)) continue;
    fmt::print(stderr, "Downloading {} into {}\n", file.name, folder.string());
    fetch_from_any(file, addresses, folder);
  }
}

}  // namespace lab
