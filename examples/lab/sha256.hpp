// SPDX-License-Identifier: MIT
// SHA-256 (FIPS 180-4), to know that what was downloaded is what was meant.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace lab {

/// The hash of `bytes` in 64 hexadecimal digits.
std::string sha256(std::span<const std::byte> bytes);

}  // namespace lab
