// SPDX-License-Identifier: MIT
// Runs lifelong-lab in a folder of its own, as a shell would.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "catch.hpp"

namespace test {

namespace fs = std::filesystem;

/// A new folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "lifelong-lab-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

inline std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Finished {
  int code;
  std::string out;
  std::string err;
};

/// The program at work; its output goes to files in `folder`.
class Program {
 public:
  Program(const Folder& folder, std::vector<std::string> words, std::vector<std::string> environment = {})
      : out_(folder / "stdout"), err_(folder / "stderr") {
    words.insert(words.begin(), LIFELONG_LAB);
    environment.insert(environment.begin(), "OMP_WAIT_POLICY=passive");
    if (const char* path = getenv("PATH")) environment.push_back(std::string("PATH=") + path);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out_.c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err_.c_str(), flags, 0600);
    REQUIRE(posix_spawn(&child_, LIFELONG_LAB, &files, nullptr, pointers(words).data(), pointers(environment).data()) ==
            0);
    posix_spawn_file_actions_destroy(&files);
  }

  void send(int signal) const { kill(child_, signal); }

  /// The code of a program that a signal has ended is 128 more than the signal, as a shell has it.
  Finished wait() const {
    int status = 0;
    waitpid(child_, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), contents(out_), contents(err_)};
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return pointers;
  }

  fs::path out_, err_;
  pid_t child_ = 0;
};

inline Finished run(const Folder& folder, std::vector<std::string> words, std::vector<std::string> environment = {}) {
  return Program(folder, std::move(words), std::move(environment)).wait();
}

/// What a command that succeeds writes to `folder/out/results.json`.
inline nlohmann::json results_of_command(const Folder& folder, const std::vector<std::string>& words) {
  const Finished finished = run(folder, words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  return nlohmann::json::parse(contents(folder / "out/results.json"));
}

}  // namespace test
