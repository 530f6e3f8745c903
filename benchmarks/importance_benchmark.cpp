// SPDX-License-Identifier: MIT
// Exact per-sample importances against one plain gradient of the same samples, one thread.
#include <lifelong/importance/fisher.hpp>
#include <lifelong/importance/mas.hpp>
#include <lifelong/nn.hpp>

#include "importance.hpp"
#include "suite.hpp"

int main(int argc, char** argv) {
  using namespace lifelong::benchmarks;
  using lifelong::importance::Fisher, lifelong::importance::Labels, lifelong::importance::Mas;
  Suite suite(argc, argv);
  importance(suite, "empirical fisher", Fisher{.labels = Labels::empirical});
  importance(suite, "sampled fisher", Fisher{.labels = Labels::sampled});
  importance(suite, "exact fisher", Fisher{.labels = Labels::exact});
  importance(suite, "mas", Mas{});
  return suite.run();
}
