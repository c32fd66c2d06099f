// What can be asked of the record: why a name is answered as it is, its history on both time axes, everything public.
//
// Requests and values in, documents out (table.hpp); the record is read through policy/record's Store, and nothing else
// is touched. Decisions that are not disclosed show that they exist, their number and their effect, and nothing of who
// asked for what and why: the same as the notice shows of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/match/match.hpp"
#include "policy/public/table.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {

/// What a cache holds of one name of an answer: the name asked, or the target of an alias.
struct KnownLink {
  wire::Name name;
  std::vector<MappedAddress> addresses;
  std::vector<NameServer> servers;  ///< of the zones that hold it
};

struct WhyRequest {
  wire::Name name;
  std::vector<std::uint8_t> client;  ///< 4 or 16 octets: chooses the view; empty: `view` does
  std::string view;                  ///< a view's name; empty: "default"
  std::optional<Time> at;            ///< what this node answered by then; absent: now
  std::string node;                  ///< whose enforcement `at` asks about; empty: any node of this record
  std::uint32_t default_ttl = 60;    ///< seconds: policy.ttl of the configuration, for rules without their own
  /// The chain of the answer as the server's cache has it now, the name asked first: rules about aliases, addresses and
  /// name servers are held against it, with `at` those of that moment.
  std::vector<KnownLink> known = {};
  bool names_outrank = false;  ///< Asker::names_outrank
};

/// The whole chain from the client to the answer: the view and why it is that one, every rule that matched in order of
/// precedence with what decided between them, the decision that won, what the client is answered, and the decisions
/// about the name that did not apply with the reason of each. `current` is the snapshot of the running server; without
/// it the answer is made from the record. `request.at` is answered from the log entries that the snapshot of that
/// moment held (a moment to come: from all of them). `now` is what the clock says: where Store::effective_now differs,
/// that is judged by, and the document says so (field "clock"). The error is one line. Throws StoreError.
std::expected<Document, std::string> explain_answer(Store& store, const WhyRequest& request, const Index* current,
                                                    Time now);

struct HistoryRequest {
  wire::Name name;
  AsOf as_of;  ///< --valid-at and --known-at
};

/// Decisions, their changes of state and what others did, about the name, names above that reach down to it, and names
/// below it, in order of time; then each decision's states with both periods, and when nodes answered by it.
Document tell_history(Store& store, const HistoryRequest& request);

/// The result of `placard query`: columns as they were named, octets as hex.
Document show_result(const QueryResult& result);

/// One file of `placard export`.
struct ExportFile {
  std::string name;   ///< "decision.jsonl", "decision.csv"
  std::string table;  ///< the public table that is in it
  bool csv = false;
};
/// Two files for each public table.
std::vector<ExportFile> export_files(const Store& store);
/// Hands the file's octets to `write`, row by row, so that memory stays bounded; `write` returns false to stop.
/// The number of rows. Throws StoreError.
std::int64_t write_export(const Store& store, const ExportFile& file,
                          const std::function<bool(std::string_view)>& write);
/// What the export holds and what it leaves out: decisions that are sealed or delayed are counted. `rows` as
/// write_export gave them, one for each of `files`.
std::expected<Document, std::string> export_summary(const Store& store, const std::vector<ExportFile>& files,
                                                    const std::vector<std::int64_t>& rows, Time now);

}  // namespace placard::policy
