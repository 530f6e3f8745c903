// SPDX-License-Identifier: MIT
// `lifelong-lab surface`: the losses of two tasks in the plane through their solutions, and the ways there.
#pragma once

#include "options.hpp"

namespace lab {

struct SurfaceOptions {
  Options run;  ///< whose methods are `l2` and `online-ewc`
};

/// Trains the network of the options on the first task of the stream, and from there on the second: plainly, with `l2`
/// and with `online-ewc`. Writes `surface.json`: the two mean losses on a grid in the plane through the first solution
/// and the ends of plain training and of EWC, and the three paths, projected onto the plane. If the folder has
/// `results.json`, its report shows both. \throws lifelong::Error, lifelong::NumericError if the three points lie
/// on a line, Interrupted.
void map_surface(const SurfaceOptions& surface);

}  // namespace lab
