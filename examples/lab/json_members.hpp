// SPDX-License-Identifier: MIT
// A network's description in JSON, member by member: it says what it is asked for and nothing else.
#pragma once

#include <cstddef>
#include <lifelong/nn/layer/convolution.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lab {

/// The text of a file, which is short. \throws lifelong::FileError if it cannot be read; FormatError for a long one.
std::string read_description(const std::string& path);

/// \throws lifelong::FormatError for what is no object in JSON, and for what JSON allows but no description has: a name
/// twice in an object, and deep nesting. `source` is what errors call it.
nlohmann::json parse_description(const std::string& text, const std::string& source);

/// The members of an object. What is wrong with one is a lifelong::FormatError that names it.
class JsonMembers {
 public:
  using Json = nlohmann::json;

  /// `what` is what errors call it: `layer 3 of 'net.json'`.
  JsonMembers(const Json& object, std::string what) : object_(object), what_(std::move(what)) {}

  /// Null if there is none.
  const Json* find(const std::string& name);
  std::size_t number(const std::string& name, std::size_t otherwise);
  /// At least 1.
  std::size_t count(const std::string& name);
  /// A number, or a list with height and width.
  lifelong::nn::Sides sides(const std::string& name, lifelong::nn::Sides otherwise);
  double positive(const std::string& name, double otherwise);
  /// At least 0 and below 1.
  double share(const std::string& name);
  std::string text(const std::string& name);
  /// `Shape{}` if it is not said.
  lifelong::nn::Shape shape(const std::string& name);

  /// \throws FormatError for a member that nobody has asked for.
  void end() const;
  [[noreturn]] void refuse(const std::string& name, const Json& value, const std::string& expected) const;

 private:
  [[nodiscard]] std::size_t whole(const std::string& name, const Json& value) const;

  const Json& object_;
  std::string what_;
  std::vector<std::string> known_;
};

}  // namespace lab
