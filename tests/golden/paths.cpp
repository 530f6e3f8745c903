// SPDX-License-Identifier: MIT
// Importances gathered while training, and the constant one.
#include "golden.hpp"

namespace golden {

using imp::Clamp;
using imp::Normalize;

void add_paths(Report& report) {
  add_product<imp::SynapticIntelligence>(report,
                                         {{"si/cumulative", {}},
                                          {"si/last", {.merge = imp::Merge::last()}},
                                          {"si/last_signed", {.clamp = Clamp::none, .merge = imp::Merge::last()}},
                                          {"si/increment", {.clamp = Clamp::increment}},
                                          {"si/total", {.clamp = Clamp::none, .gradient = imp::PathGradient::total}},
                                          {"si/ceiling", {.xi = 0.01, .ceiling = 0.2}},
                                          {"si/merge_average", {.merge = imp::Merge::average(0.3)}}});
  add_product<imp::RWalk>(report,
                          {{"rwalk/max", {}},
                           {"rwalk/none", {.normalize = Normalize::none}},
                           {"rwalk/min_max", {.distance = imp::Distance::whole, .normalize = Normalize::min_max}},
                           {"rwalk/signed", {.alpha = 0.9, .clamp = Clamp::none}}});
  add_quadratic<imp::IntervalRWalk>(report,
                                    {{"interval_rwalk/every_step", {.interval = 5}},
                                     {"interval_rwalk/per_interval", {.interval = 5, .fisher_per_interval = true}}});
  add_product<imp::Constant>(report,
                             {{"constant/1", {}}, {"constant/sum", {.value = 0.3, .merge = imp::Merge::sum()}}});
}

}  // namespace golden
