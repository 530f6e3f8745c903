// SPDX-License-Identifier: MIT
// The headers that are read once for all tests; see CMakeLists.txt.
