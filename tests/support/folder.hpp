// SPDX-License-Identifier: MIT
// A place for the files of a test.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "catch.hpp"

namespace test {

using Bytes = std::vector<std::byte>;

/// A new folder that is removed at the end, with all that is in it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "lifelong_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// Writes a file and returns its path.
  std::string write(const std::string& name, const Bytes& data) const {
    const std::string path = path_ + "/" + name;
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
    REQUIRE(file.good());
    return path;
  }

  [[nodiscard]] Bytes read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name, std::ios::binary);
    REQUIRE(file.good());
    Bytes data;
    for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) data.push_back(static_cast<std::byte>(*at));
    return data;
  }

  /// Number of files.
  [[nodiscard]] std::size_t size() const {
    const std::filesystem::directory_iterator files(path_);
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace test
