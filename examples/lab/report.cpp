// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <cstddef>
#include <string_view>

#include "report_data.hpp"
#include "report_parts.hpp"

namespace lab {

namespace {

/// JSON that can stand in a page: no text of it can end the element that it is in.
std::string embeddable(const nlohmann::ordered_json& data) {
  std::string text;
  for (const char c : data.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace))
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

void replace(std::string& page, std::string_view mark, std::string_view part) {
  page.replace(page.find(mark), mark.size(), part);
}

}  // namespace

bool can_report() { return !report_parts::vega.empty(); }

std::string report_page(std::span<const Finished> experiments) {
  std::string page(report_parts::page);
  // From the end to the beginning, so that no mark is looked for in a part.
  replace(page, "{{draw}}", report_parts::draw);
  replace(page, "{{figures}}", report_parts::figures);
  replace(page, "{{vega}}", report_parts::vega);
  replace(page, "{{data}}", embeddable(report_data(experiments)));
  replace(page, "{{style}}", report_parts::style);
  return page;
}

}  // namespace lab
