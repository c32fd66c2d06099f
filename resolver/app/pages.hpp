// The pages a server shows over HTTP: the notice of a blocked name, and the metrics.
//
// What the notice tells is copied from the store whenever a snapshot is published, so that a visitor never waits for
// SQLite. A visitor's address chooses the view and is forgotten with the request.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/match/index.hpp"
#include "policy/public/notice.hpp"
#include "resolver/net/http.hpp"

namespace placard::app {

/// What the notice page knows beside the index. Immutable once published.
struct NoticeBook {
  struct Entry {
    policy::Decision decision;  ///< without its rules
    policy::Time recorded_at = 0;
  };
  std::unordered_map<std::string, Entry> decisions;  ///< by decision id
  std::unordered_map<std::string, policy::Authority> authorities;
  std::unordered_map<std::int64_t, policy::MatchKind> matches;  ///< of rules that aren't MatchKind::both, by rule id
  std::unordered_map<wire::Name, std::vector<policy::Event>, wire::NameHash> events;
};

/// What pages are made from at one moment.
struct PageState {
  std::shared_ptr<const policy::Index> index;
  std::shared_ptr<const NoticeBook> book;
  policy::NoticeOperator by;
  policy::Time not_before = 0;  ///< see serve::Snapshot
};

class NoticePages {
 public:
  explicit NoticePages(policy::NoticeCatalogues catalogues) : catalogues_(std::move(catalogues)) {}

  void publish(std::shared_ptr<const PageState> state);
  /// `now`: seconds since the epoch by the system's clock.
  net::HttpResponse answer(const net::HttpRequest& request, policy::Time now) const;

 private:
  policy::NoticeCatalogues catalogues_;
  mutable std::mutex mutex_;
  std::shared_ptr<const PageState> state_;  // guarded by mutex_
};

/// The notice texts that the program carries.
std::expected<policy::NoticeCatalogues, std::string> load_catalogues();

}  // namespace placard::app
