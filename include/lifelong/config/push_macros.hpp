// SPDX-License-Identifier: MIT
// Sets aside macros of other headers that are words of this library. Every header includes this before all else and
// config/pop_macros.hpp at its end, behind which the macros are what they were. They may nest.

#pragma push_macro("LIFELONG_MACROS_ARE_ASIDE")
#undef LIFELONG_MACROS_ARE_ASIDE
#define LIFELONG_MACROS_ARE_ASIDE

// windows.h
#pragma push_macro("min")
#undef min
#pragma push_macro("max")
#undef max
#pragma push_macro("near")
#undef near
#pragma push_macro("far")
#undef far
#pragma push_macro("small")
#undef small
#pragma push_macro("interface")
#undef interface

// X11
#pragma push_macro("None")
#undef None
#pragma push_macro("Absolute")
#undef Absolute
#pragma push_macro("Always")
#undef Always
#pragma push_macro("Bool")
#undef Bool
#pragma push_macro("False")
#undef False
#pragma push_macro("Status")
#undef Status
#pragma push_macro("Success")
#undef Success
#pragma push_macro("True")
#undef True
#pragma push_macro("Window")
#undef Window

// complex.h, Arduino.h
#pragma push_macro("I")
#undef I
#pragma push_macro("F")
#undef F
#pragma push_macro("abs")
#undef abs
#pragma push_macro("bit")
#undef bit
#pragma push_macro("round")
#undef round
#pragma push_macro("sq")
#undef sq
#pragma push_macro("word")
#undef word

// Apple's AssertMacros.h, curses.h, term.h
#pragma push_macro("check")
#undef check
#pragma push_macro("require")
#undef require
#pragma push_macro("verify")
#undef verify
#pragma push_macro("clear")
#undef clear
#pragma push_macro("columns")
#undef columns
#pragma push_macro("erase")
#undef erase
#pragma push_macro("lines")
#undef lines
#pragma push_macro("move")
#undef move
