// SPDX-License-Identifier: MIT
// `lifelong-lab importance`: what matters in a model that was trained elsewhere.
#pragma once

#include "importance_options.hpp"

namespace lab {

/// Estimates and writes the importances. \throws lifelong::Error for files that cannot be meant; Interrupted. Nothing
/// is written then.
void estimate_importance(const ImportanceOptions& options);

}  // namespace lab
