// Which view a question belongs to, by the listener it came over, the key it was signed with, and the client's address.
//
// Made once for each snapshot. Where no view names listeners or keys, which is nearly always, the address alone
// decides.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "policy/match/views.hpp"
#include "resolver/serve/question.hpp"

namespace placard::serve {

class ViewsHere {
 public:
  /// `listeners`: of the worker, by number. `index` outlives this.
  void take(const policy::Index& index, const std::vector<net::Endpoint>& listeners);

  /// Of who asks without a key.
  policy::ViewNumber view_of(std::uint16_t listener, const net::Address& client) const {
    return by_listener_.empty() ? index_->view_of(client.bytes())
                                : by_listener_[listener].without_key.view_of(client.bytes());
  }
  policy::ViewNumber view_of(const ClientQuestion& question) const {
    if (by_listener_.empty()) return index_->view_of(question.client.bytes());
    return narrowed(question);
  }

 private:
  struct Here {
    policy::ClientViews without_key;
    std::vector<std::pair<std::string, policy::ClientViews>> keyed;
  };
  policy::ViewNumber narrowed(const ClientQuestion& question) const;

  const policy::Index* index_ = nullptr;
  std::vector<Here> by_listener_;  // empty: no view names listeners or keys
};

}  // namespace placard::serve
