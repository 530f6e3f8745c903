// SPDX-License-Identifier: MIT
// A file of lines over several runs, and what is a terminal.
#include <lifelong/io/appended_file.hpp>
#include <lifelong/io/terminal.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "catch.hpp"
#include "folder.hpp"

namespace appended_file_test {

namespace io = lifelong::io;
using io::io_detail::AppendedFile;

namespace {

std::string text_of(const test::Folder& folder) {
  std::string text;
  for (const std::byte byte : folder.read("log")) text += static_cast<char>(byte);
  return text;
}

test::Bytes bytes(const std::string& text) {
  test::Bytes all;
  for (const char c : text) all.push_back(static_cast<std::byte>(c));
  return all;
}

}  // namespace

TEST_CASE("lines are appended behind one header, whatever a killed run left", "[io]") {
  const test::Folder folder;
  const std::string path = folder.path() + "/log";
  const auto after = [&](const std::string& before) {
    folder.write("log", bytes(before));
    AppendedFile file(path, "a,b");
    file.write("1,2\n");
    return text_of(folder);  // while the file is open
  };
  CHECK(after("") == "a,b\n1,2\n");
  CHECK(after("a,b\n") == "a,b\n1,2\n");
  CHECK(after("a,b\n3,4\n") == "a,b\n3,4\n1,2\n");
  CHECK(after("a,b\n3,") == "a,b\n3,\n1,2\n");
}

TEST_CASE("a file with another first line is left as it is", "[io][errors]") {
  const test::Folder folder;
  for (const std::string before : {"a,b", "a,c\n", "a,b,c\n", "a", "\n", "a,b\r\n"}) {
    folder.write("log", bytes(before));
    CHECK_THROWS_AS(AppendedFile(folder.path() + "/log", "a,b"), lifelong::FormatError);
    CHECK(text_of(folder) == before);
  }
  CHECK_THROWS_AS(AppendedFile("/dev/null", "a,b"), lifelong::FileError);
}

TEST_CASE("a terminal is known from a file", "[io]") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  CHECK_FALSE(io::is_terminal(file));
  std::fclose(file);
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0) {
    WARN("skipped: there are no terminals here");
    return;
  }
  std::FILE* screen = ::fdopen(terminal, "r+");
  REQUIRE(screen != nullptr);
  CHECK(io::is_terminal(screen));
  std::fclose(screen);
}

}  // namespace appended_file_test
