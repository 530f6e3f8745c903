// Reads the reference files in tests/data. Trusts them: they are ours.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace test {

class Safetensors {
 public:
  explicit Safetensors(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot open " + path);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    header_ = nlohmann::json::parse(bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
    data_.assign(bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length), bytes.end());
  }

  nlohmann::json metadata() const { return nlohmann::json::parse(header_["__metadata__"]["case"].get<std::string>()); }
  bool has(const std::string& name) const { return header_.contains(name); }
  std::vector<double> doubles(const std::string& name) const { return values<double>(name); }
  std::vector<std::int32_t> integers(const std::string& name) const { return values<std::int32_t>(name); }

 private:
  template <class T>
  std::vector<T> values(const std::string& name) const {
    const auto& entry = header_.at(name);
    const auto begin = entry["data_offsets"][0].get<std::size_t>(), end = entry["data_offsets"][1].get<std::size_t>();
    std::vector<T> out((end - begin) / sizeof(T));
    std::memcpy(out.data(), data_.data() + begin, end - begin);
    return out;
  }

  nlohmann::json header_;
  std::vector<char> data_;
};

}  // namespace test
