#include "resolver/serve/views_here.hpp"

#include <algorithm>
#include <set>

#include "policy/record/written_name.hpp"

namespace placard::serve {

void ViewsHere::take(const policy::Index& index, const std::vector<net::Endpoint>& listeners) {
  index_ = &index;
  by_listener_.clear();
  std::set<std::string> keys;
  bool narrow = false;
  for (const auto& view : index.views()) {
    narrow = narrow || !view.listeners.empty() || !view.keys.empty();
    keys.insert(view.keys.begin(), view.keys.end());
  }
  if (!narrow) return;
  for (const auto& listener : listeners) {
    const auto text = listener.to_text();
    Here here{index.clients_of(text), {}};
    for (const auto& key : keys) here.keyed.emplace_back(key, index.clients_of(text, key));
    by_listener_.push_back(std::move(here));
  }
}

policy::ViewNumber ViewsHere::narrowed(const ClientQuestion& question) const {
  const auto& here = by_listener_[question.listener];
  const auto client = question.client.bytes();
  if (question.signer && question.signer->key() && !here.keyed.empty()) {
    const auto name = policy::stored_name(question.signer->key()->name());
    const auto keyed = std::ranges::find(here.keyed, name, [](const auto& each) { return each.first; });
    if (keyed != here.keyed.end()) return keyed->second.view_of(client);
  }
  return here.without_key.view_of(client);
}

}  // namespace placard::serve
