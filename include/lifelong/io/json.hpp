// SPDX-License-Identifier: MIT
// The part of JSON that file headers use: objects, arrays, strings and whole numbers. The reader is strict (RFC 8259).
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <lifelong/io/scanner.hpp>

namespace lifelong::io::io_detail {

/// Whether `text` is well-formed UTF-8: no stray or missing bytes, no overlong forms, no surrogates.
inline bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t more = first < 0x80 ? 0 : first >> 5 == 6 ? 1 : first >> 4 == 14 ? 2 : first >> 3 == 30 ? 3 : 4;
    if (more == 4 || text.size() - i <= more) return false;
    std::uint32_t point = more == 0 ? first : first & (0x3fU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if (byte >> 6 != 2) return false;
      point = point << 6 | (byte & 0x3fU);
    }
    constexpr std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += more + 1;
  }
  return true;
}

/// Appends a code point as UTF-8.
inline void append_utf8(std::string& text, std::uint32_t point) {
  const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    text += static_cast<char>(0xe0 | point >> 12);
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xf0 | point >> 18);
    tail(12), tail(6), tail(0);
  }
}

/// `text`, which is UTF-8, as a JSON string with its quotes.
inline std::string json_string(std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (byte < 0x20) {
      json += "\\u00";
      json += digits[byte >> 4];
      json += digits[byte & 15];
    } else {
      json += c;
    }
  }
  return json + "\"";
}

/// Reads one value at a time, of the kind that the caller expects; any other kind is a FormatError. As the caller says
/// what comes next, a file cannot nest deeper than the caller asks.
class JsonReader {
 public:
  /// `what` is that of `Scanner`. \throws FormatError unless the text is UTF-8.
  JsonReader(std::string_view text, std::string what) : scanner_(text, std::move(what)) {
    if (!is_utf8(text)) scanner_.fail("the text is not UTF-8");
  }

  /// Calls `member(name)` for each member of an object; it must read the member's value. Names may repeat.
  template <class F>
  void object(F&& member) {
    sequence('{', '}', [&] {
      const std::string name = string();
      expect(':');
      member(name);
    });
  }

  /// Calls `element()` for each element of an array; it must read the element.
  template <class F>
  void array(F&& element) {
    sequence('[', ']', element);
  }

  std::uint64_t number() {
    space();
    return scanner_.number();
  }

  std::string string() {
    expect('"');
    std::string text;
    for (char c = scanner_.next(); c != '"'; c = scanner_.next()) {
      if (static_cast<unsigned char>(c) < 0x20) scanner_.fail("a string has a control character");
      if (c == '\\')
        escape(text);
      else
        text += c;
    }
    return text;
  }

  /// Only white space may follow.
  void end() {
    space();
    if (!scanner_.done()) scanner_.fail("it should end here");
  }

  [[noreturn]] void fail(const std::string& why) const { scanner_.fail(why); }

 private:
  void space() { scanner_.skip(" \t\n\r"); }
  void expect(char c) {
    space();
    scanner_.expect(c);
  }
  bool accept(char c) {
    space();
    return scanner_.accept(c);
  }

  template <class F>
  void sequence(char open, char close, const F& one) {
    expect(open);
    if (accept(close)) return;
    do one();
    while (accept(','));
    expect(close);
  }

  void escape(std::string& text) {
    const char c = scanner_.next();
    if (c == 'u') return append_utf8(text, code_point());
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const std::size_t i = letters.find(c);
    if (i == std::string_view::npos) scanner_.fail("a string has an unknown escape");
    text += meanings[i];
  }

  /// The code point that follows `\u`; the second half of a surrogate pair belongs to it.
  std::uint32_t code_point() {
    const std::uint32_t high = four_digits();
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high > 0xdbff || !scanner_.accept('\\') || !scanner_.accept('u'))
      scanner_.fail("a string has half a surrogate pair");
    const std::uint32_t low = four_digits();
    if (low < 0xdc00 || low > 0xdfff) scanner_.fail("a string has half a surrogate pair");
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  }

  std::uint32_t four_digits() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = scanner_.next();
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9')
        value = value << 4 | static_cast<std::uint32_t>(c - '0');
      else if (lower >= 'a' && lower <= 'f')
        value = value << 4 | static_cast<std::uint32_t>(lower - 'a' + 10);
      else
        scanner_.fail("a string has an unknown escape");
    }
    return value;
  }

  Scanner scanner_;
};

}  // namespace lifelong::io::io_detail

#include <lifelong/config/pop_macros.hpp>
