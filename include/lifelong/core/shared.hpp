// SPDX-License-Identifier: MIT
// Shared ownership of immutable values. `std::shared_ptr<const T>` would do the same, but including <memory> takes
// longer than including half of the core.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <utility>

namespace lifelong {

/// Keeps a value alive without saying what it is. Copies share the value and the last one frees it; they may be made
/// from several threads. It is made from a `Shared<T>` and empty by default.
class KeepAlive {
 public:
  KeepAlive() = default;
  KeepAlive(const KeepAlive& other) : node_(other.node_) {
    if (node_ != nullptr) __atomic_add_fetch(&node_->uses, 1, __ATOMIC_RELAXED);
  }
  KeepAlive(KeepAlive&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  KeepAlive& operator=(KeepAlive other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~KeepAlive() {
    if (node_ != nullptr && __atomic_sub_fetch(&node_->uses, 1, __ATOMIC_ACQ_REL) == 0) delete node_;
  }

  /// Whether there is a value.
  explicit operator bool() const { return node_ != nullptr; }

 protected:
  /// What is kept, with the number of its users.
  struct Node {
    Node() = default;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    virtual ~Node() = default;
    std::size_t uses = 1;
  };
  explicit KeepAlive(Node* node) : node_(node) {}

  Node* node_ = nullptr;
};

/// An immutable value that copies share. It is empty by default; `*` and `->` need a value.
template <class T>
class Shared : public KeepAlive {
 public:
  Shared() = default;
  explicit Shared(T value) : KeepAlive(new Held(std::move(value))) {}

  const T& operator*() const { return static_cast<const Held*>(node_)->value; }
  const T* operator->() const { return &**this; }

 private:
  struct Held : Node {
    explicit Held(T&& held) : value(std::move(held)) {}
    const T value;
  };
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
