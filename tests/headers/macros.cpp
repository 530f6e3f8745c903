// SPDX-License-Identifier: MIT
// A program that includes headers full of macros first, and all of this library then: it compiles, and the macros are
// what they were.

// windows.h
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define near
#define far
#define small char
#define hyper int
#define interface struct
#define pascal
#define cdecl
#define IN
#define OUT
#define OPTIONAL
#define CONST const
#define VOID void
#define THIS
#define DELETE 1
#define ERROR 0
#define TRUE 1
#define FALSE 0
#define STRICT 1
#define ABSOLUTE 1
#define RELATIVE 2
#define Yield()
#define GetObject GetObjectA
// X.h, Xlib.h, XI.h
#define None 0L
#define Absolute 1
#define Above 0
#define Always 2
#define Below 1
#define Bool int
#define Complex 0
#define Convex 2
#define DestroyAll 0
#define Expose 12
#define False 0
#define FocusIn 9
#define GrayScale 1
#define KeyPress 2
#define Relative 0
#define Status int
#define Success 0
#define True 1
#define Unsorted 0
#define Window CARD32
// complex.h, termios.h, sys/sysmacros.h
#define I _Complex_I
#define B0 0
#define B50 1
#define CR0 0
#define ECHO 10
#define NL0 0
#define major(d) gnu_dev_major(d)
#define minor(d) gnu_dev_minor(d)
// Arduino.h
#define F(text) (text)
#define HIGH 1
#define LOW 0
#define PI 3.14
#define abs(x) ((x) > 0 ? (x) : -(x))
#define bit(b) (1UL << (b))
#define constrain(a, l, h) (a)
#define degrees(r) ((r)*57.3)
#define lowByte(w) (w)
#define radians(d) ((d)*0.017)
#define round(x) ((long)(x))
#define sq(x) ((x) * (x))
#define word(...) makeWord(__VA_ARGS__)
// AssertMacros.h of Apple
#define check(a)
#define require(a, b)
#define verify(a)
#define nil 0
// curses.h, term.h
#define clear() wclear(stdscr)
#define columns CUR Numbers[0]
#define erase() werase(stdscr)
#define lines CUR Numbers[2]
#define move(y, x) wmove(stdscr, y, x)
// Qt, ROS, gtest, glog
#define CHECK(x) (void)(x)
#define FAIL() 0
#define LOG(x) x
#define emit
#define foreach for
#define forever for (;;)
#define signals public
#define slots

#include "own_headers.hpp"

#include <string_view>

#define TEXT(...) #__VA_ARGS__
#define EXPANDED(...) std::string_view(TEXT(__VA_ARGS__))

static_assert(EXPANDED(min(1, 2)) == "(((1) < (2)) ? (1) : (2))");
static_assert(EXPANDED(max(1, 2)) == "(((1) > (2)) ? (1) : (2))");
static_assert(EXPANDED(near far).empty() && EXPANDED(small) == "char" && EXPANDED(interface) == "struct");
static_assert(EXPANDED(None) == "0L" && EXPANDED(Absolute) == "1" && EXPANDED(Always) == "2");
static_assert(EXPANDED(Bool) == "int" && EXPANDED(False) == "0" && EXPANDED(Status) == "int");
static_assert(EXPANDED(Success) == "0" && EXPANDED(True) == "1" && EXPANDED(Window) == "CARD32");
static_assert(EXPANDED(I) == "_Complex_I" && EXPANDED(F(x)) == "(x)" && EXPANDED(bit(3)) == "(1UL << (3))");
static_assert(EXPANDED(abs(x)) == "((x) > 0 ? (x) : -(x))" && EXPANDED(round(x)) == "((long)(x))");
static_assert(EXPANDED(sq(x)) == "((x) * (x))" && EXPANDED(word(1, 2)) == "makeWord(1, 2)");
static_assert(EXPANDED(check(1) require(1, 2) verify(1)).empty());
static_assert(EXPANDED(clear()) == "wclear(stdscr)" && EXPANDED(columns) == "CUR Numbers[0]");
static_assert(EXPANDED(erase()) == "werase(stdscr)" && EXPANDED(lines) == "CUR Numbers[2]");
static_assert(EXPANDED(move(1, 2)) == "wmove(stdscr, 1, 2)");

#if defined(LIFELONG_MACROS_ARE_ASIDE)
#error "a header has set macros aside and not brought them back"
#endif

/// A program with X11's `None` writes `Nothing`.
int main() {
  const lifelong::penalty::Nothing penalty;
  return penalty.recipe() == "None()" ? 0 : 1;
}
