// SPDX-License-Identifier: MIT
// The data sets the program knows by name, and where they are looked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <lifelong/stream/dataset.hpp>
#include <string>

namespace lab {

/// A data set and the folder it came from.
struct Data {
  lifelong::SplitData<std::uint8_t> examples;
  std::filesystem::path folder;
};

/// `name` is fashion-mnist, mnist or a folder with the four IDX files. Looks on this machine first, then downloads.
/// \throws lifelong::Error saying what is missing or wrong, and how to get it.
Data load_data(const std::string& name);

}  // namespace lab
