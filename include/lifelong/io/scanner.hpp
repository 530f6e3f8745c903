// SPDX-License-Identifier: MIT
// Reads a text from front to back. The parsers of file headers are made of it.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <lifelong/core/error.hpp>

namespace lifelong::io::io_detail {

/// Text from a file in a form that is safe to print: in quotes, without control characters, and not too long.
inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string shown = "'";
  for (const char c : text.substr(0, longest)) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return shown + (text.size() > longest ? "...'" : "'");
}

/// A place in a text. Every error is a FormatError that names the file and the place.
class Scanner {
 public:
  /// `what` is what errors call the text: `the header of 'weights.safetensors'`.
  Scanner(std::string_view text, std::string what) : text_(text), what_(std::move(what)) {}

  /// Whether nothing is left.
  [[nodiscard]] bool done() const { return at_ == text_.size(); }

  /// The next character, which must be there.
  char next() {
    if (done()) fail("it ends too early");
    return text_[at_++];
  }

  /// Steps over `c` if it comes next.
  bool accept(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(std::string("there should be '") + c + "' here");
  }

  void skip(std::string_view characters) {
    while (!done() && characters.find(text_[at_]) != std::string_view::npos) ++at_;
  }

  /// A whole number in digits, without leading zeros, that fits into 64 bits.
  std::uint64_t number() {
    const std::size_t first = at_;
    std::uint64_t value = 0;
    for (; !done() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
      if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) fail("the number is too large");
      value = 10 * value + digit;
    }
    if (at_ == first) fail("there should be a whole number here");
    if (text_[first] == '0' && at_ - first > 1) fail("the number starts with 0");
    return value;
  }

  [[noreturn]] void fail(const std::string& why) const {
    lifelong::detail::raise<FormatError>(what_ + " is damaged at byte " + std::to_string(at_) + ": " + why);
  }

 private:
  std::string_view text_;
  std::string what_;
  std::size_t at_ = 0;
};

}  // namespace lifelong::io::io_detail

#include <lifelong/config/pop_macros.hpp>
