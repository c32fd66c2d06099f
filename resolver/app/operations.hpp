// What commands do to the record and ask of it, the same whether the server performs them or the command itself.
//
// Each operation ends in a Document or in an error for the person who asked (one line for each problem). None knows
// about sockets, terminals or JSON. What a server adds is in Workplace: the index that is in force, and a publish()
// that comes back when every worker answers by what was just recorded.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "policy/match/index.hpp"
#include "policy/public/research.hpp"
#include "policy/public/table.hpp"
#include "policy/record/name_guard.hpp"
#include "policy/record/store.hpp"
#include "resolver/app/options.hpp"

namespace placard::app {

using Done = std::expected<policy::Document, std::string>;

/// A decision file as it was read; `name` is for messages.
struct DecisionFile {
  std::string name, text;
};

/// Who orders a change of the record, and whether they vouch for the clock.
struct Order {
  std::string author;  ///< "uid 0 (root)"
  bool clock_is_right = false;
};

/// What changes need. Borrowed for one call.
struct Workplace {
  policy::Store& store;  ///< open for writing; the caller sees to it that nobody else uses it meanwhile
  const Options& options;
  /// Brings what is recorded into force everywhere, where it isn't yet; null where no server runs. Throws or returns
  /// why it failed.
  std::function<std::expected<void, std::string>()> publish;

  /// Publishes, where a server runs. The error says that what was recorded waits.
  std::expected<void, std::string> bring_into_force() const;
};

/// Records what the files hold, all or nothing, and brings it into force. Throws policy::StoreError.
Done decide(const Workplace& at, const std::vector<DecisionFile>& files, const std::string& author, policy::Time now);
Done lift(const Workplace& at, const std::string& id, const std::string& reason, const std::string& author,
          policy::Time now);

/// Makes a delayed or sealed decision public for good.
Done disclose(const Workplace& at, const std::string& id, const std::string& reason, const std::string& author,
              policy::Time now);

/// A decision that was proposed, in shadow or suspended comes into force, or goes into shadow.
struct StateRequest {
  std::string id, reason;
  policy::DecisionState state = policy::DecisionState::active;  ///< active or shadow
  std::string token;                                            ///< of the preview that was seen; may be empty
};
/// Throws policy::StoreError.
Done change_state(const Workplace& at, const StateRequest& request, const std::string& author, policy::Time now);

/// What a decision would do if it came into force, and the token for that. Throws policy::StoreError.
Done preview(policy::Store& store, const Options& options, const std::string& id, policy::Time now);

/// What the guards hold against: the configured names, the server's own zones, the contact of its operator.
policy::Guards guards_of(const Options& options);

struct WhyRequest {
  std::string name, client, at;  ///< as typed; the last two may be empty
};
/// Why `name` is answered as it is, by `current`, the index in force; null: by what the record and the configured views
/// would make of it. `known`: what the cache holds of the answer. With a time: what this node enforced then. Throws
/// policy::StoreError.
Done why(policy::Store& store, const Options& options, const policy::Index* current, const WhyRequest& request,
         policy::Time now, std::vector<policy::KnownLink> known = {});

struct HistoryRequest {
  std::string name, valid_at, known_at;  ///< as typed; the last two may be empty
};
Done history(policy::Store& store, const HistoryRequest& request);
Done query(const std::filesystem::path& store, const std::string& sql, std::size_t rows, std::int64_t seconds);
Done backup(const policy::Store& store, const std::filesystem::path& file);
/// Two files for each public table; those of one format ("jsonl", "csv") into a folder that is made when missing.
Done export_to_folder(const policy::Store& store, const std::string& format, const std::filesystem::path& folder,
                      policy::Time now);
/// One table, or with an empty name all of them one behind the other (JSON lines only), to standard output.
std::expected<void, std::string> export_to_output(const policy::Store& store, const std::string& format,
                                                  const std::string& table);

/// A time or day as typed (RFC 3339); nothing for an empty text.
std::expected<std::optional<policy::Time>, std::string> typed_time(const std::string& option, const std::string& text);
/// A domain name as typed: also one in its own script (IDNA2008).
std::expected<wire::Name, std::string> typed_name(const std::string& text);

}  // namespace placard::app
