#include <lifelong/lifelong.hpp>
#ifdef WITH_nn
#include <lifelong/nn.hpp>
#endif

#include <cstdio>
#include <string_view>

static_assert(std::string_view(LIFELONG_VERSION_STRING) == EXPECTED_VERSION);

int main() { std::puts("lifelong " LIFELONG_VERSION_STRING); }
