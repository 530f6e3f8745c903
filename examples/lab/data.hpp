// SPDX-License-Identifier: MIT
// The data sets the program knows by name, and where they are looked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <lifelong/stream/dataset.hpp>
#include <string>
#include <vector>

namespace lab {

/// A data set and the folder it came from.
struct Data {
  lifelong::SplitData<std::uint8_t> examples;
  std::filesystem::path folder;
  std::vector<lifelong::SplitData<std::uint8_t>> more = {};  ///< that follow it
};

/// `name` is fashion-mnist, mnist or a folder that `read_folder` takes, or several with commas between them. Looks on
/// this machine first, then downloads.
/// \throws lifelong::Error saying what is missing or wrong, and how to get it.
Data load_data(const std::string& name);

}  // namespace lab
