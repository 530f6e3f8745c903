// SPDX-License-Identifier: MIT
#include "pictures.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lifelong/core/batch.hpp>
#include <span>
#include <string>
#include <vector>

namespace lab {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_tasks = 10, most_images = 8;

std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) word = word << 8U | (k < count ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? digits[word >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

/// The pixels of an example, from 0 to 255.
std::vector<std::uint8_t> pixels_of(const Examples& examples, std::size_t i) {
  std::vector<float> inputs(examples.features());
  std::int32_t label = -1;
  lifelong::OutputRange active{0, 0};
  float weight = 1;
  std::uint32_t length = 0;
  examples.read(i, lifelong::ExampleRow<float>{inputs, label, {}, active, weight, length});
  std::vector<std::uint8_t> pixels;
  for (const float input : inputs)
    pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * std::clamp(input, 0.0F, 1.0F))));
  return pixels;
}

Json images_of(const Examples& examples) {
  Json images = Json::array();
  for (std::size_t i = 0; i < std::min(most_images, examples.size()); ++i)
    images.push_back(base64(pixels_of(examples, i)));
  return images;
}

}  // namespace

Json pictures_of(const Stream& stream) {
  Json pictures = Json::array();
  for (std::size_t task = 0; task < std::min(most_tasks, stream.size()); ++task) {
    const Examples& examples = stream[task].test;
    const std::vector<std::size_t> shape = examples.data().shape();
    if (shape.size() < 2) return Json::array();
    const std::size_t height = *(shape.end() - 2), width = shape.back();
    if (height * width != examples.features()) return Json::array();
    pictures.push_back(
        {{"task", stream[task].name}, {"height", height}, {"width", width}, {"images", images_of(examples)}});
  }
  return pictures;
}

}  // namespace lab
