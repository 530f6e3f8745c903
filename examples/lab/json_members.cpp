// SPDX-License-Identifier: MIT
#include "json_members.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <lifelong/core/error.hpp>
#include <lifelong/io/file.hpp>
#include <lifelong/io/scanner.hpp>
#include <set>
#include <utility>

#include "text.hpp"

namespace lab {

namespace {

namespace nn = lifelong::nn;
using lifelong::FormatError;
using lifelong::io::io_detail::in_quotes;
using Json = nlohmann::json;

constexpr std::uint64_t largest_file = 1 << 20;
constexpr std::uint64_t largest_number = 1'000'000;
constexpr int deepest = 4;  // {"layers": [{"conv2d": "conv1", "kernel": [3, 5]}]}

}  // namespace

std::string read_description(const std::string& path) {
  const lifelong::io::io_detail::File file = lifelong::io::io_detail::open_to_read(path);
  const std::vector<std::byte> bytes = lifelong::io::io_detail::next_bytes(file.get(), largest_file + 1, path);
  if (bytes.size() > largest_file)
    throw FormatError(fmt::format("'{}' has more than the {} bytes of any architecture", path, largest_file));
  std::string text;
  for (const std::byte byte : bytes) text += static_cast<char>(byte);
  return text;
}

Json parse_description(const std::string& text, const std::string& source) {
  std::vector<std::set<std::string>> open;  // the names in each object that has begun
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > deepest) throw FormatError(fmt::format("'{}' is nested deeper than any architecture", source));
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second)
      throw FormatError(fmt::format("'{}' says {} twice", source, in_quotes(value.get<std::string>())));
    return true;
  };
  try {
    Json root = Json::parse(text, check);
    if (root.is_object()) return root;
  } catch (const Json::parse_error& error) {
    throw FormatError(fmt::format("'{}' is not JSON: it is damaged at byte {}", source, error.byte));
  } catch (const Json::out_of_range&) {
    throw FormatError(fmt::format("'{}' has a number that is too large", source));
  }
  throw FormatError(fmt::format("'{}' must be an object: {{\"input\": [...], \"layers\": [...]}}", source));
}

const Json* JsonMembers::find(const std::string& name) {
  known_.push_back(name);
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

std::size_t JsonMembers::number(const std::string& name, std::size_t otherwise) {
  const Json* value = find(name);
  return value ? whole(name, *value) : otherwise;
}

std::size_t JsonMembers::count(const std::string& name) {
  const std::size_t value = number(name, 0);
  if (value > 0) return value;
  const Json* said = find(name);
  refuse(name, said ? *said : Json(), "a whole number above 0");
}

nn::Sides JsonMembers::sides(const std::string& name, nn::Sides otherwise) {
  const Json* value = find(name);
  if (!value) return otherwise;
  if (!value->is_array()) return whole(name, *value);
  if (value->size() != 2) refuse(name, *value, "one number, or [height, width]");
  return {whole(name, (*value)[0]), whole(name, (*value)[1])};
}

double JsonMembers::positive(const std::string& name, double otherwise) {
  const Json* value = find(name);
  if (!value) return otherwise;
  if (!value->is_number() || !(value->get<double>() > 0)) refuse(name, *value, "a number above 0");
  return value->get<double>();
}

double JsonMembers::share(const std::string& name) {
  const Json* value = find(name);
  if (!value || !value->is_number() || !(value->get<double>() >= 0 && value->get<double>() < 1))
    refuse(name, value ? *value : Json(), "a number from 0 to below 1");
  return value->get<double>();
}

std::string JsonMembers::text(const std::string& name) {
  const Json* value = find(name);
  if (!value || !value->is_string() || value->get<std::string>().empty())
    refuse(name, value ? *value : Json(), "the name of its tensors, without .weight");
  return value->get<std::string>();
}

nn::Shape JsonMembers::shape(const std::string& name) {
  const Json* json = find(name);
  if (!json) return {};
  const char* expected = "a list of one to three extents above 0, such as [1, 28, 28]";
  if (!json->is_array() || json->empty() || json->size() > 3) refuse(name, *json, expected);
  std::vector<std::size_t> extents;
  for (const Json& extent : *json) extents.push_back(whole(name, extent));
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) refuse(name, *json, expected);
  if (extents.size() == 1) return {extents[0]};
  return extents.size() == 2 ? nn::Shape{extents[0], extents[1]} : nn::Shape{extents[0], extents[1], extents[2]};
}

void JsonMembers::end() const {
  for (const auto& [name, value] : object_.items())
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      throw FormatError(
          fmt::format("{} has a member {}, but can only have {}", what_, in_quotes(name), joined(known_)));
}

void JsonMembers::refuse(const std::string& name, const Json& value, const std::string& expected) const {
  throw FormatError(fmt::format("{}: \"{}\" must be {}, but is {}", what_, name, expected, in_quotes(value.dump())));
}

std::size_t JsonMembers::whole(const std::string& name, const Json& value) const {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest_number)
    refuse(name, value, fmt::format("a whole number up to {}", largest_number));
  return value.get<std::size_t>();
}

}  // namespace lab
