// SPDX-License-Identifier: MIT
// The stream of tasks that the options describe.
#pragma once

#include <cstdint>
#include <lifelong/stream/task.hpp>

#include "data.hpp"
#include "options.hpp"

namespace lab {

using Examples = lifelong::Examples<std::uint8_t>;
using Stream = lifelong::Stream<std::uint8_t>;

/// Tasks over `data`; `seed` draws permutations, random angles, noise, shares of classes and orders. \throws
/// lifelong::Error if the data does not allow them.
Stream make_stream(const Data& data, const Options& options, std::uint64_t seed);

}  // namespace lab
