// SPDX-License-Identifier: MIT
// Rehearsal: memories of examples, and the policies that learn from them. The standard library only.
#pragma once

#include <lifelong/core/criterion.hpp>
#include <lifelong/learner/gdumb.hpp>
#include <lifelong/rehearsal/averaged_gem.hpp>
#include <lifelong/rehearsal/balanced_reservoir.hpp>
#include <lifelong/rehearsal/criterion_pass.hpp>
#include <lifelong/rehearsal/dark_experience.hpp>
#include <lifelong/rehearsal/distillation.hpp>
#include <lifelong/rehearsal/gem.hpp>
#include <lifelong/rehearsal/greedy_balanced.hpp>
#include <lifelong/rehearsal/herding.hpp>
#include <lifelong/rehearsal/icarl.hpp>
#include <lifelong/rehearsal/nearest_mean.hpp>
#include <lifelong/rehearsal/policy.hpp>
#include <lifelong/rehearsal/replay.hpp>
#include <lifelong/rehearsal/reservoir.hpp>
#include <lifelong/rehearsal/task_ring.hpp>
