# SPDX-License-Identifier: MIT
# A project that asks pkg-config for the flags of the installed library.
# [way]
$CXX -std=c++20 -O2 main.cpp -o consumer $(pkg-config --cflags --libs lifelong)
$CXX -std=c++20 -O2 components.cpp -o components \
  $(pkg-config --cflags --libs lifelong-convention lifelong-nn lifelong-openmp lifelong-xtensor lifelong-zlib)
# [way]
