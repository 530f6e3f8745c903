// SPDX-License-Identifier: MIT
// A file appears when it is complete, and what killed processes leave is removed, while others may be writing.
#include <lifelong/io/file.hpp>
#include <lifelong/io/npy.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"

namespace atomic_file_test {

namespace ll = lifelong;
using ll::io::io_detail::AtomicFile;
using ll::io::io_detail::is_temporary_name;
using test::Bytes;
using test::Folder;

namespace {

/// A process that begins to write `path` and then waits to be killed.
class Writer {
 public:
  explicit Writer(const std::string& path) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    process_ = fork();
    if (process_ == 0) write_for_ever(path, ends[1]);
    char begun = 0;
    REQUIRE(read(ends[0], &begun, 1) == 1);
    close(ends[0]);
    close(ends[1]);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

 private:
  [[noreturn]] static void write_for_ever(const std::string& path, int begun) {
    AtomicFile file(path);
    file.write("half");
    if (write(begun, "x", 1) != 1) _exit(1);
    for (;;) pause();
  }

  pid_t process_;
};

void save(const std::string& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

std::string contents(const Folder& folder, const std::string& name) {
  const Bytes bytes = folder.read(name);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("what a killed process leaves is removed by the next file in the folder") {
  const Folder folder;
  save(folder.path() + "/a", "old");
  for (int i = 0; i < 3; ++i) {
    const Writer killed(folder.path() + "/a");
    CHECK(folder.size() == 2);  // the one before is gone
  }
  CHECK(contents(folder, "a") == "old");
  save(folder.path() + "/b", "new");
  CHECK(folder.size() == 2);
  CHECK(contents(folder, "b") == "new");
}

TEST_CASE("any number of killed processes does not keep a file from being written") {
  const Folder folder;
  for (int i = 0; i < 150; ++i) {  // as many at once
    folder.write("a.lifelong-" + std::to_string(i) + "-1750000000000000000.tmp", Bytes(10));
  }
  save(folder.path() + "/a", "new");
  CHECK(folder.size() == 1);
}

TEST_CASE("a file that another process or thread is writing is left alone") {
  const Folder folder;
  const std::string path = folder.path() + "/a";
  {
    const Writer writing(path);
    AtomicFile mine(path);
    mine.write("mine");
    save(path, "first");
    save(folder.path() + "/b", "other");
    CHECK(folder.size() == 4);  // a, b, and two that are being written
    CHECK(contents(folder, "a") == "first");
    mine.commit();
    CHECK(contents(folder, "a") == "mine");
    CHECK(folder.size() == 3);
  }
  save(path, "last");
  CHECK(folder.size() == 2);
}

TEST_CASE("threads that write one file at once leave one of their files") {
  const Folder folder;
  const std::string path = folder.path() + "/a";
  std::vector<std::thread> threads;
  std::vector<std::string> errors(4);
  for (std::size_t t = 0; t < errors.size(); ++t)
    threads.emplace_back([&, t] {
      try {
        for (int i = 0; i < 25; ++i) save(path, std::string(5000, static_cast<char>('a' + t)));
      } catch (const ll::Error& error) {
        errors[t] = error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(errors == std::vector<std::string>(4));
  const std::string last = contents(folder, "a");
  CHECK(last == std::string(5000, last.front()));
  CHECK(folder.size() == 1);
}

TEST_CASE("only the library's own temporary files are removed") {
  const Folder folder;
  const std::vector<std::string> kept{
      "a.tmp", "a.0.tmp",         "a.lifelong-1.tmp", "a.lifelong-1-2.tmp.npy", "a.lifelong-1-2x.tmp",
      ".tmp",  "a.lifelong-.tmp", "lifelong-1-2.tmp"};
  for (const std::string& name : kept) folder.write(name, {});
  std::filesystem::create_directory(folder.path() + "/d.lifelong-1-2.tmp");
  std::filesystem::create_symlink(folder.path() + "/a.tmp", folder.path() + "/s.lifelong-1-2.tmp");
  save(folder.path() + "/a", "new");
  CHECK(folder.size() == kept.size() + 3);
  for (const std::string& name : kept) CHECK_FALSE(is_temporary_name(name));
  CHECK(is_temporary_name("a.b.lifelong-1-2.tmp"));
}

TEST_CASE("a file is written into the folder where the program runs, too") {
  const Folder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  save("a", "new");
  std::filesystem::current_path(before);
  CHECK(contents(folder, "a") == "new");
  CHECK(folder.size() == 1);
}

TEST_CASE("a file that cannot take its place is gone, and the error says why") {
  const Folder folder;
  const std::string path = folder.path() + "/a";
  AtomicFile file(path);
  file.write("new");
  std::filesystem::create_directories(path + "/full");
  CHECK(test::message_of<ll::FileError>([&] { file.commit(); }) == "'" + path + "' cannot be written: Is a directory");
  CHECK(folder.size() == 1);
}

}  // namespace atomic_file_test
