// SPDX-License-Identifier: MIT
// Fetches a known data set into the user's cache.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lab {

/// One packed file of a data set, and the SHA-256 of what it unpacks to: mirrors pack the same bytes differently.
struct RemoteFile {
  std::string name;
  std::string sha256;
};

/// Where a data set is found on the net: the same files at each address.
struct RemoteData {
  std::vector<std::string> addresses;
  std::vector<RemoteFile> files;
};

/// Brings all files of `data` that `folder` lacks there, with curl. A file gets there only whole and checked; one that
/// is there and damaged is named and comes anew. `LIFELONG_MIRROR` names an address to be tried instead of the usual
/// ones. \throws lifelong::FileError saying what went wrong with the last address tried; lifelong::FormatError.
void download(const std::string& name, const RemoteData& data, const std::filesystem::path& folder);

}  // namespace lab
