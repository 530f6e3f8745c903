// SPDX-License-Identifier: MIT
// Writing so that nothing half-written is ever seen.
#pragma once

#include <filesystem>
#include <string>

namespace lab {

/// Creates `folder` where it is missing and tries whether files can be written in it.
/// \throws lifelong::FileError if not.
void require_writable_folder(const std::filesystem::path& folder);

/// Replaces `path` by a file with these contents, in one step. What a killed program left of a file in the same folder
/// is removed. \throws lifelong::FileError; `path` is then as it was.
void write_atomically(const std::filesystem::path& path, const std::string& contents);

/// The contents of a file. \throws lifelong::FileError if it cannot be read.
std::string read_file(const std::filesystem::path& path);

}  // namespace lab
