// SPDX-License-Identifier: MIT
#include "data_folder.hpp"

#include <fmt/format.h>

#include <lifelong/core/error.hpp>
#include <lifelong/core/extents.hpp>
#include <lifelong/io/csv.hpp>
#include <lifelong/io/idx.hpp>
#include <lifelong/io/npy_dataset.hpp>
#include <lifelong/zlib.hpp>
#include <string>

namespace lab {

namespace {

using Bytes = lifelong::Dataset<std::uint8_t>;
using lifelong::detail::shape_text;

Bytes read_npy(const std::filesystem::path& folder, const std::string& part) {
  return lifelong::io::read_npy_dataset<std::uint8_t>((folder / ("x_" + part + ".npy")).string(),
                                                      (folder / ("y_" + part + ".npy")).string());
}

Bytes read_csv(const std::filesystem::path& folder, const std::string& part) {
  return lifelong::io::read_csv_dataset<std::uint8_t>((folder / (part + ".csv")).string(), {.label = "label"});
}

lifelong::SplitData<std::uint8_t> read_files(const std::filesystem::path& folder) {
  if (exists(folder / "x_train.npy")) return {read_npy(folder, "train"), read_npy(folder, "test")};
  if (exists(folder / "train.csv")) return {read_csv(folder, "train"), read_csv(folder, "test")};
  return lifelong::io::load_idx(folder.string(), {.unpack = lifelong::zlib::gunzip});
}

}  // namespace

lifelong::SplitData<std::uint8_t> read_folder(const std::filesystem::path& folder) {
  lifelong::SplitData<std::uint8_t> data = read_files(folder);
  if (data.train.shape() != data.test.shape())
    throw lifelong::ShapeMismatch(fmt::format("the training examples in '{}' are {}, but those for tests {}",
                                              folder.string(), shape_text(data.train.shape()),
                                              shape_text(data.test.shape())));
  if (data.train.labels().empty() || data.test.labels().empty())
    throw lifelong::FormatError(fmt::format(
        "the examples in '{}' have targets, where class labels are needed: whole numbers from 0", folder.string()));
  return data;
}

}  // namespace lab
