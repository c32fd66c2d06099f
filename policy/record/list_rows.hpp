// What those who write, read and check the rows of lists share. Internal to policy/record.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/record/sqlite.hpp"
#include "policy/record/store_list.hpp"

namespace placard::policy {

std::optional<ListStand> read_list_stand(Connection& connection, std::string_view list);
/// The content of the log's entry about a change. `meta` is canonical JSON.
std::string list_entry(std::int64_t added, std::int64_t removed, std::int64_t rules, std::string_view digest,
                       const std::string& meta);

}  // namespace placard::policy
