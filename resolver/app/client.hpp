// Where a command is performed: by the running server over its control socket, or here when none runs.
//
// Only what changes the record or asks about the server goes to the server; reading the record opens the store
// read-only, beside a server that writes.
#pragma once

#include <expected>
#include <string>

#include "resolver/app/list_import.hpp"
#include "resolver/app/operations.hpp"
#include "resolver/app/options.hpp"

namespace placard::app {

/// For whom a reply is rendered.
struct Rendering {
  bool as_json = false;
  std::size_t width = 80;  ///< columns
};

using Output = std::expected<std::string, std::string>;

/// Sends `request`, a JSON object without its rendering, to the server, or performs it here with the store's lock.
/// Throws policy::StoreError.
/// `progress`: of an import that is performed here; may be null.
Output perform(const Options& options, const std::string& request, const Rendering& rendering,
               ImportProgress* progress = nullptr);

/// Runs a question of the record on the store opened read-only. Throws policy::StoreError.
Output read_record(const Options& options, const Rendering& rendering, const std::function<Done(policy::Store&)>& ask);

}  // namespace placard::app
