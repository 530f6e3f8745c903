// SPDX-License-Identifier: MIT
// A program that does nothing but use the C++ runtime: it throws and catches an exception with a message.
#include <stdexcept>
#include <string>
#include <vector>

int main(int count, char**) {
  try {
    const std::vector<std::string> text(1, std::to_string(count));
    throw std::runtime_error(text.front());
  } catch (const std::exception& error) {
    return error.what()[0] == '1' ? 0 : 1;
  }
}
