// The control protocol's meaning: a JSON request becomes a call, what comes back a JSON reply.
//
//   {"operation":"decide","files":[{"name":…,"text":…}],"json":false,"width":80}   ->   {"output":"…"} or {"error":"…"}
// The output is rendered where the Document is made: the one who asked says for whom (people or programs) and how wide.
// A request is read strictly: an unknown operation, a missing or mistyped member is an error, never a guess.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/app/cache_keeper.hpp"
#include "resolver/app/list_import.hpp"
#include "resolver/app/operations.hpp"
#include "zones/wire/message.hpp"

namespace placard::app {

/// `placard control zone VERB NAME`: list, status, reload, refresh, retransfer; a name for all but the first.
struct ZoneOrder {
  std::string verb;
  std::optional<wire::Name> name;
};

/// Who performs requests: the server, or a command on its own (which has no cache to flush, and says so).
class RequestTarget {
 public:
  virtual ~RequestTarget() = default;
  virtual Done decide(const std::vector<DecisionFile>& files, const Order& order) = 0;
  virtual Done lift(const std::string& id, const std::string& reason, const Order& order) = 0;
  virtual Done import_list(const ImportRequest& request, const Order& order) = 0;
  virtual Done import_progress() = 0;
  virtual Done disclose(const std::string& id, const std::string& reason, const Order& order) = 0;
  virtual Done change_state(const StateRequest& request, const Order& order) = 0;
  virtual Done why(const WhyRequest& request) = 0;
  virtual Done status() = 0;
  virtual Done dump() = 0;
  virtual Done trace(const wire::Question& question) = 0;
  virtual Done flush(const std::optional<wire::Name>& name) = 0;  ///< nothing: everything
  virtual Done cache(const CacheRequest& request) = 0;
  virtual Done reload() = 0;
  virtual Done stop_server() = 0;
  virtual Done zone(const ZoneOrder& order) = 0;
};

/// One request line to one reply line. Exceptions of the store and of mistyped requests become errors.
std::string perform_line(RequestTarget& target, std::string_view line, const std::string& author);

}  // namespace placard::app
