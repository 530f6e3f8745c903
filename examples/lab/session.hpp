// SPDX-License-Identifier: MIT
// A student at work on a trial: it learns, and is tested; times, accuracies and bytes are kept. A session that was
// interrupted goes on where it was.
#pragma once

#include "student.hpp"
#include "trial.hpp"

namespace lab {

/// Task after task, each tested with all before it.
Outcome learn_in_sequence(const Trial& trial, Student& student);

/// All tasks at once, which the student takes as one.
Outcome learn_together(const Trial& trial, Student& student);

}  // namespace lab
