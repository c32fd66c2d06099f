// The pages a server shows over HTTP: the notice of a blocked name, and the metrics.
//
// Which rule stops a name is asked of the index that workers answer by; what its decision says is read from the store,
// over a connection that only reads, and kept for the next visitor until something new is published. A visitor's
// address chooses the view and is forgotten with the request.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/match/index.hpp"
#include "policy/public/notice.hpp"
#include "policy/record/store.hpp"
#include "resolver/net/http.hpp"

namespace placard::app {

/// What pages are made from at one moment.
struct PageState {
  std::shared_ptr<const policy::Index> index;
  policy::NoticeOperator by;
  policy::Time not_before = 0;  ///< see serve::Snapshot
};

class NoticePages {
 public:
  /// `store`: the policy store's file.
  NoticePages(policy::NoticeCatalogues catalogues, std::filesystem::path store)
      : catalogues_(std::move(catalogues)), store_path_(std::move(store)) {}

  void publish(std::shared_ptr<const PageState> state);
  /// `now`: seconds since the epoch by the system's clock.
  net::HttpResponse answer(const net::HttpRequest& request, policy::Time now) const;

 private:
  struct Told {                 // of a decision
    policy::Decision decision;  // without its rules
    policy::Authority authority;
    policy::Time recorded_at = 0;
  };
  /// Decisions kept in memory: a visitor's question costs a copy, not a dozen reads.
  static constexpr std::size_t kMaxTold = 1024;
  static constexpr policy::Time kEndedShown =
      policy::Time{7} * 24 * 3600;  // seconds: any client has asked anew by then

  policy::NoticeFacts facts_of(const policy::Match& match, wire::NameView host, policy::Time now) const;
  std::optional<policy::NoticeFacts> ended_facts(const PageState& state, policy::ViewNumber view, wire::NameView host,
                                                 policy::Time now) const;
  policy::Store& store_of(policy::Time now) const;  // REQUIRES reading_ held
  std::optional<Told> read_decision(policy::Store& store, const std::string& id) const;

  policy::NoticeCatalogues catalogues_;
  std::filesystem::path store_path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const PageState> state_;  // guarded by mutex_
  mutable std::mutex reading_;
  mutable std::unique_ptr<policy::Store> store_;        // guarded by reading_; null until it is needed
  mutable std::unordered_map<std::string, Told> told_;  // guarded by reading_, by decision id
};

/// The notice texts that the program carries.
std::expected<policy::NoticeCatalogues, std::string> load_catalogues();

}  // namespace placard::app
