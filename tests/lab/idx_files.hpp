// SPDX-License-Identifier: MIT
// A tiny data set in IDX files: four classes of 8 x 8 images, each a bright quarter in noise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <lifelong/core/random.hpp>
#include <string>
#include <vector>

namespace test {

inline void write_idx(const std::filesystem::path& path, const std::vector<std::uint32_t>& shape,
                      const std::string& values) {
  std::ofstream file(path, std::ios::binary);
  file << std::string{0, 0, 8} << static_cast<char>(shape.size());
  for (const std::uint32_t extent : shape)
    for (const int shift : {24, 16, 8, 0}) file << static_cast<char>(extent >> shift & 0xff);
  file << values;
}

inline void write_part(const std::filesystem::path& folder, const std::string& part, std::uint32_t count,
                       std::uint64_t seed) {
  const lifelong::Random random(seed);
  std::string images, labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t label = i % 4;
    labels += static_cast<char>(label);
    for (std::uint32_t y = 0; y < 8; ++y)
      for (std::uint32_t x = 0; x < 8; ++x) {
        const bool bright = y / 4 * 2 + x / 4 == label;
        images += static_cast<char>(random.bits(64 * i + 8 * y + x) % 100 + (bright ? 120 : 0));
      }
  }
  write_idx(folder / (part + "-images-idx3-ubyte"), {count, 8, 8}, images);
  write_idx(folder / (part + "-labels-idx1-ubyte"), {count}, labels);
}

/// `folder` with 400 training and 100 test images.
inline std::filesystem::path write_data(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_part(folder, "train", 400, 1);
  write_part(folder, "t10k", 100, 2);
  return folder;
}

}  // namespace test
