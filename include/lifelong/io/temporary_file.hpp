// SPDX-License-Identifier: MIT
// A file on its way to a name: it has one of its own until it is complete.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#if !defined(_WIN32) && __has_include(<unistd.h>) && __has_include(<sys/file.h>)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#define LIFELONG_POSIX_FILES 1
#else
#define LIFELONG_POSIX_FILES 0
#endif

namespace lifelong::io::io_detail {

inline constexpr std::string_view temporary_mark = ".lifelong-", temporary_ending = ".tmp";

/// `path.lifelong-4711-1750000000000000000.tmp`: no two files are given one name.
inline std::string temporary_name(const std::string& path, std::uint64_t process) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return path + std::string(temporary_mark) + std::to_string(process) + "-" +
         std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()) +
         std::string(temporary_ending);
}

/// Whether `temporary_name` makes such names.
inline bool is_temporary_name(std::string_view name) {
  const std::size_t mark = name.rfind(temporary_mark);
  if (mark == std::string_view::npos || !name.ends_with(temporary_ending)) return false;
  const std::size_t first = mark + temporary_mark.size();
  if (name.size() < first + temporary_ending.size()) return false;
  const std::string_view numbers = name.substr(first, name.size() - temporary_ending.size() - first);
  return numbers.find('-') != std::string_view::npos &&
         numbers.find_first_not_of("0123456789-") == std::string_view::npos;
}

#if LIFELONG_POSIX_FILES

/// An open file, which is closed at the end.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_ = -1;
};

/// Calls until it is not a signal that ends the call.
template <class Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Removes a temporary file if no process has it locked: the one that made it has crashed or was killed. Who makes a
/// file holds a lock until it is in its place, and the system takes the lock away when the process ends.
inline void remove_if_abandoned(const std::string& temporary) {
  const Descriptor file(::open(temporary.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.is_open() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(temporary.c_str());
}

/// Removes the abandoned temporary files of a folder, whatever they were to become.
inline void remove_abandoned_files(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error);
  for (const std::filesystem::directory_iterator end; !error && at != end; at.increment(error))
    if (is_temporary_name(at->path().filename().string())) remove_if_abandoned(at->path().string());
}

/// A new file beside `path`, locked. Members return false, and set `errno`, for what the system refuses.
class TemporaryFile {
 public:
  bool open(const std::string& path) {
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    folder_ = parent.empty() ? "." : parent.string();
    remove_abandoned_files(folder_);
    constexpr int attempts = 100;
    for (int i = 0; i < attempts && !file_.is_open(); ++i)
      if (!try_open(temporary_name(path, static_cast<std::uint64_t>(::getpid()))) && errno != EEXIST) return false;
    return file_.is_open();
  }

  bool write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto written = uninterrupted([&] { return ::write(file_.get(), bytes.data(), bytes.size()); });
      if (written < 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
  }

  /// Gives the file its name, after its contents have reached the disk: so the name stands for all of the old or all of
  /// the new file after a power failure, too.
  bool move_to(const std::string& path) {
    if (!sync(file_) || std::rename(name_.c_str(), path.c_str()) != 0) return false;
    sync(Descriptor(::open(folder_.c_str(), O_RDONLY | O_CLOEXEC)));  // if not, the old file may come back
    file_ = Descriptor();
    return true;
  }

  void discard() {
    if (file_.is_open()) ::unlink(name_.c_str());
    file_ = Descriptor();
  }

 private:
  /// Another process may take the file for an abandoned one before it is locked; then there is another attempt.
  bool try_open(std::string name) {
    Descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file.is_open()) return false;
    uninterrupted([&] { return ::flock(file.get(), LOCK_EX); });  // without locks nothing is ever removed
    struct stat status = {};
    if (::fstat(file.get(), &status) != 0) return false;
    errno = EEXIST;
    if (status.st_nlink == 0) return false;
    file_ = std::move(file);
    name_ = std::move(name);
    return true;
  }

  /// Some file systems cannot do this, and say so by EINVAL.
  static bool sync(const Descriptor& file) {
    return uninterrupted([&] { return ::fsync(file.get()); }) == 0 || errno == EINVAL;
  }

  std::string folder_, name_;
  Descriptor file_;
};

#else

/// A new file beside `path`, by the means of C++ alone: it is not locked, so nobody knows whether it is abandoned.
class TemporaryFile {
 public:
  bool open(const std::string& path) {
    constexpr int attempts = 100;
    for (int i = 0; i < attempts && !file_; ++i) {
      name_ = temporary_name(path, static_cast<std::uint64_t>(i));
      file_.reset(std::fopen(name_.c_str(), "wbx"));
    }
    return file_ != nullptr;
  }
  bool write(std::span<const std::byte> bytes) {
    return bytes.empty() || std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size();
  }
  bool move_to(const std::string& path) {
    if (std::fclose(file_.release()) == 0) {
      std::error_code error;  // `std::rename` does not replace a file everywhere
      std::filesystem::rename(name_, path, error);
      if (!error) return true;
      errno = error.default_error_condition().value();
    }
    std::remove(name_.c_str());
    return false;
  }
  void discard() {
    if (!file_) return;
    file_.reset();
    std::remove(name_.c_str());
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string name_;
  std::unique_ptr<std::FILE, Close> file_;
};

#endif
#undef LIFELONG_POSIX_FILES

}  // namespace lifelong::io::io_detail

#include <lifelong/config/pop_macros.hpp>
