// SPDX-License-Identifier: MIT
// Importances estimated otherwise than by the Fisher information, and sums.
#include "golden.hpp"

namespace golden {

namespace {

using imp::BatchScale;
using imp::Fisher;
using imp::Mas;
using imp::MasNorm;
using imp::Merge;
using imp::Normalize;
using imp::RWalk;
using imp::WeightedSum;

/// Every length of the outputs.
template <class AnyMas>
std::vector<Setting<AnyMas>> mas_norms(const std::string& name) {
  return {{name + "/squared", {}},
          {name + "/plain", {.norm = MasNorm::plain}},
          {name + "/mean", {.norm = MasNorm::mean}},
          {name + "/merge_decay", {.merge = Merge::decay(0.7)}}};
}

void add_outputs(Report& report) {
  add_product(report, mas_norms<Mas>("mas"));
  add_quadratic(report, mas_norms<imp::LocalMas>("local_mas"));
  add_quadratic(report, mas_norms<imp::BatchMas>("batch_mas"));
  add_quadratic<imp::BatchMas>(report, {{"batch_mas/samples", {.scale = BatchScale::samples}},
                                        {"batch_mas/enlarged", {.scale = BatchScale::enlarged}}});
  add_quadratic<imp::Scp>(report, {{"scp/5_slices", {.slices = 5}}, {"scp/3_slices", {.slices = 3, .seed = 9}}});
  add_quadratic<imp::ScpLimit>(report, {{"scp_limit", {}}});
  add_quadratic<imp::GaussNewton>(report, {{"gauss_newton", {}}});
  add_quadratic<imp::ReversedFisher>(report, {{"reversed_fisher", {}}});
}

/// Importances made of others: sums of two, and those brought to a common scale.
void add_combined(Report& report) {
  add_product<WeightedSum<Fisher, imp::SynapticIntelligence>>(
      report, {{"sum_fisher_si/equal", {}},
               {"sum_fisher_si/weights", {.a = {.labels = imp::Labels::empirical}, .weight_a = 0.3, .weight_b = 2}}});
  add_quadratic<WeightedSum<Fisher, Mas>>(report, {{"sum_fisher_mas", {.weight_b = 0.1}}});
  add_quadratic<WeightedSum<RWalk, Mas>>(
      report, {{"sum_rwalk_mas", {.b = {.merge = Merge::last()}, .weight_b = 0.1, .merge = Merge::last()}}});
  add_quadratic<imp::Normalized<Fisher>>(report, {{"normalized/max", {}},
                                                  {"normalized/min_max", {.by = Normalize::min_max}},
                                                  {"normalized/ceiling", {.by = Normalize::none, .ceiling = 0.01}}});
}

}  // namespace

void add_estimators(Report& report) {
  add_outputs(report);
  add_combined(report);
}

}  // namespace golden
