#include <lifelong/lifelong.hpp>

int main() {}
