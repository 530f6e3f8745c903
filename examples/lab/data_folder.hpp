// SPDX-License-Identifier: MIT
// The examples in a folder, whatever the format of its files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <lifelong/stream/dataset.hpp>

namespace lab {

/// The training and test examples of a folder with x_train.npy, y_train.npy, x_test.npy and y_test.npy; or with
/// train.csv and test.csv, where a line names the columns and `label` is the class; or else with the four IDX files of
/// MNIST, plain or .gz. Features are whole numbers from 0 to 255. \throws lifelong::Error, which names the file.
lifelong::SplitData<std::uint8_t> read_folder(const std::filesystem::path& folder);

}  // namespace lab
