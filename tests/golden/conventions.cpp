// SPDX-License-Identifier: MIT
// What other codebases compute: every preset.
#include <lifelong/conventions.hpp>

#include "golden.hpp"

namespace golden {

namespace cv = lifelong::convention;

void add_conventions(Report& report) {
  const auto add = [&](const std::string& name, const auto& recipe) {
    report.add("convention/" + name, [=](OpenMP backend) {
      return history(small_network<float>(backend), recipe.importance, recipe.penalty, momentum, backend, small_tasks(),
                     recipe.scope);
    });
  };
  add("gem/ewc", cv::gem::ewc(1));
  add("gmvdv/ewc", cv::gmvdv::ewc(1));
  add("gmvdv/ewc_online", cv::gmvdv::ewc_online(1, 0.7));
  add("gmvdv/ewc_batched", cv::gmvdv::ewc_batched(1, 0.7));
  add("gmvdv/si", cv::gmvdv::si(1));
  add("agem/ewc", cv::agem::ewc(1));
  add("agem/si", cv::agem::si(0.1));
  add("agem/mas", cv::agem::mas(1));
  add("agem/rwalk", cv::agem::rwalk(1));
  add("mammoth/ewc_on", cv::mammoth::ewc_on(1, 0.7));
  add("mammoth/si", cv::mammoth::si(1, 0.1));
  add("avalanche/ewc", cv::avalanche::ewc(1));
  add("avalanche/ewc_online", cv::avalanche::ewc_online(1, 0.7));
  add("avalanche/si", cv::avalanche::si(100));
  add("avalanche/mas", cv::avalanche::mas());
  add("avalanche/rwalk", cv::avalanche::rwalk(1));
  add("hw14/ewc", cv::hw14::ewc(1));
  add("hw14/mas", cv::hw14::mas());
  add("hw14/si", cv::hw14::si());
  add("hw14/rwalk", cv::hw14::rwalk(1));
  add("hw14/scp", cv::hw14::scp(100, 5));
  add("pathint/si", cv::pathint::si(1));
  add("pathint/si_decayed", cv::pathint::si_decayed(1, 0.1, 0.7));
  add("pathint/ewc", cv::pathint::ewc(0.3));
  add("pathint/ewc_decayed", cv::pathint::ewc_decayed(0.3, 0.7));
  add("facil/ewc", cv::facil::ewc(10));
  add("facil/mas", cv::facil::mas());
  add("facil/path_integral", cv::facil::path_integral(1));
  add("facil/rwalk", cv::facil::rwalk());
}

}  // namespace golden
