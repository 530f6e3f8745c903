# SPDX-License-Identifier: MIT
# A project that holds a copy of the include folder; no build system, no library but the standard's.
mv lifelong/include .
# [way]
$CXX -std=c++20 -O2 -Iinclude main.cpp -o consumer
# [way]
