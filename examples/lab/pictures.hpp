// SPDX-License-Identifier: MIT
// A few examples of each task, to be looked at.
#pragma once

#include <nlohmann/json.hpp>

#include "streams.hpp"

namespace lab {

/// The first test examples of the first tasks as grey images, one byte a pixel, row by row, in base64; an empty list if
/// the examples are no images of one channel.
nlohmann::ordered_json pictures_of(const Stream& stream);

}  // namespace lab
