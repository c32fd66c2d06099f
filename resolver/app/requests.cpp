#include "resolver/app/requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "policy/record/guard.hpp"

namespace placard::app {
namespace {

using nlohmann::json;

/// A member that must be there. What is wrong with a request is said in words of its own, never the library's.
const json& member(const json& object, const char* key) {
  if (!object.is_object()) throw std::runtime_error("request: must be a JSON object");
  const auto found = object.find(key);
  if (found == object.end()) throw std::runtime_error(fmt::format("request: \"{}\" is missing", key));
  return *found;
}

std::string text_in(const json& object, const char* key) {
  const auto& value = member(object, key);
  if (!value.is_string()) throw std::runtime_error(fmt::format("request: \"{}\" must be text", key));
  return value.get<std::string>();
}

/// The text of a member, or nothing where it is missing.
std::string text_of(const json& request, const char* key) {
  return request.contains(key) ? text_in(request, key) : std::string();
}

bool flag_of(const json& request, const char* key) {
  if (!request.contains(key)) return false;
  if (!request.at(key).is_boolean())
    throw std::runtime_error(fmt::format("request: \"{}\" must be true or false", key));
  return request.at(key).get<bool>();
}

std::size_t width_of(const json& request) {
  if (!request.contains("width")) return 80;
  const auto& width = request.at("width");
  if (!width.is_number_unsigned() || width.get<std::uint64_t>() > 10'000)
    throw std::runtime_error("request: \"width\" must be a number up to 10000");
  return width.get<std::size_t>();
}

Done trace(RequestTarget& target, const json& request) {
  auto name = wire::Name::from_text(text_of(request, "name"));
  if (!name)
    return std::unexpected(
        fmt::format("\"{}\" is no domain name: {}", text_of(request, "name"), wire::to_text(name.error())));
  const auto type = wire::record_type_from_text(text_of(request, "type"));
  if (!type) return std::unexpected(fmt::format("\"{}\" is no record type", text_of(request, "type")));
  return target.trace({*name, *type, wire::RecordClass::in});
}

Done flush(RequestTarget& target, const json& request) {
  const auto text = text_of(request, "name");
  if (flag_of(request, "all")) return target.flush(std::nullopt);
  auto name = wire::Name::from_text(text);
  if (text.empty() || !name) return std::unexpected(fmt::format("\"{}\" is no domain name", text));
  return target.flush(*name);
}

Done cache(RequestTarget& target, const json& request) {
  CacheRequest asked;
  const auto what = text_in(request, "what");
  if (what == "show") {
    asked.what = CacheRequest::What::show;
  } else if (what == "dump") {
    asked.what = CacheRequest::What::dump;
  } else if (what == "load") {
    asked.what = CacheRequest::What::load;
  } else if (what == "flush") {
    asked.what = CacheRequest::What::flush;
  } else {
    return std::unexpected(fmt::format("nothing is done with the cache that is called \"{}\"", what));
  }
  asked.file = text_of(request, "file");
  if (!asked.file.empty() && !asked.file.is_absolute()) return std::unexpected("request: \"file\" must be absolute");
  if (asked.what == CacheRequest::What::load && asked.file.empty())
    return std::unexpected("request: \"file\" is missing");
  asked.subtree = flag_of(request, "subtree");
  if (asked.what == CacheRequest::What::show || asked.what == CacheRequest::What::flush) {
    const auto text = text_of(request, "name");
    auto name = wire::Name::from_text(text);
    if (text.empty() || !name) return std::unexpected(fmt::format("\"{}\" is no domain name", text));
    asked.name = *name;
  }
  if (const auto text = text_of(request, "type"); !text.empty()) {
    asked.type = wire::record_type_from_text(text);
    if (!asked.type) return std::unexpected(fmt::format("\"{}\" is no record type", text));
    if (asked.subtree) return std::unexpected("a type of a whole subtree cannot be flushed: name the names");
  }
  return target.cache(asked);
}

Done zone(RequestTarget& target, const json& request) {
  ZoneOrder order{text_in(request, "verb"), std::nullopt};
  const auto text = text_of(request, "name");
  static constexpr std::string_view kVerbs[] = {"list", "status",   "reload",   "refresh", "retransfer",
                                                "keys", "roll-zsk", "roll-ksk", "ds-seen"};
  if (std::ranges::find(kVerbs, order.verb) == std::end(kVerbs))
    return std::unexpected(fmt::format("unknown order \"{}\" about a zone", order.verb));
  if (!text.empty() || order.verb != "list") {
    auto name = wire::Name::from_text(text);
    if (text.empty() || !name) return std::unexpected(fmt::format("\"{}\" is no domain name", text));
    order.name = *name;
  }
  return target.zone(order);
}

std::int64_t number_of(const json& request, const char* key, std::int64_t otherwise, std::int64_t most) {
  if (!request.contains(key)) return otherwise;
  const auto& value = request.at(key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(most))
    throw std::runtime_error(fmt::format("request: \"{}\" must be a whole number up to {}", key, most));
  return value.get<std::int64_t>();
}

template <typename Enum>
Enum word_of(const json& request, const char* key, std::optional<Enum> (*from_text)(std::string_view)) {
  const auto text = text_in(request, key);
  const auto value = from_text(text);
  if (!value) throw std::runtime_error(fmt::format("{}: \"{}\" is no such word", key, text.substr(0, 40)));
  return *value;
}

Done import_list(RequestTarget& target, const json& request, const std::string& author) {
  ImportRequest asked;
  asked.file = text_in(request, "file");
  auto& syntax = asked.syntax;
  syntax.format = word_of(request, "format", policy::list_format_from_text);
  if (request.contains("match")) syntax.match = word_of(request, "match", policy::match_kind_from_text);
  if (request.contains("action")) syntax.action = word_of(request, "action", policy::action_from_text);
  if (request.contains("ttl")) syntax.ttl = static_cast<std::uint32_t>(number_of(request, "ttl", 0, policy::kMaxTtl));
  syntax.redirects = flag_of(request, "redirects");
  syntax.zone = text_of(request, "zone");
  if (request.contains("columns"))
    for (const auto& column : request.at("columns")) {
      if (!column.is_string()) throw std::runtime_error("request: \"columns\" must be texts");
      syntax.columns.push_back(column.get<std::string>());
    }
  if (const auto delimiter = text_of(request, "delimiter"); !delimiter.empty()) {
    if (delimiter.size() != 1) return std::unexpected("delimiter: must be one character");
    syntax.delimiter = delimiter.front();
  }
  syntax.skip_lines = static_cast<std::uint32_t>(number_of(request, "skip_lines", 0, 1000));
  if (request.contains("encoding")) syntax.encoding = text_in(request, "encoding");
  asked.decision = text_of(request, "decision");
  asked.mandate = text_of(request, "mandate");
  asked.list = text_of(request, "list");
  if (asked.decision.empty() == asked.mandate.empty())
    return std::unexpected("a list comes under a decision or under a standing mandate: name one of them");
  if (!asked.mandate.empty() && asked.list.empty()) return std::unexpected("a list under a mandate has an id: name it");
  asked.limits.rejects = static_cast<std::uint32_t>(number_of(request, "max_rejects", asked.limits.rejects, 100));
  asked.limits.growth = static_cast<std::uint32_t>(number_of(request, "max_growth", asked.limits.growth, 1'000'000));
  asked.limits.shrink = static_cast<std::uint32_t>(number_of(request, "max_shrink", asked.limits.shrink, 100));
  asked.dry_run = flag_of(request, "dry_run");
  asked.token = text_of(request, "token");
  return target.import_list(asked, {author, flag_of(request, "clock_is_right")});
}

Done perform(RequestTarget& target, const json& request, const std::string& author) {
  const auto operation = text_in(request, "operation");
  if (operation == "decide") {
    const auto& given = member(request, "files");
    if (!given.is_array() || given.empty())
      return std::unexpected("request: \"files\" must be a list of files, at least one");
    std::vector<DecisionFile> files;
    for (const auto& file : given) files.push_back({text_in(file, "name"), text_in(file, "text")});
    return target.decide(files, {author, flag_of(request, "clock_is_right")});
  }
  if (operation == "lift")
    return target.lift(text_in(request, "id"), text_in(request, "reason"),
                       {author, flag_of(request, "clock_is_right")});
  if (operation == "import") return import_list(target, request, author);
  if (operation == "import_progress") return target.import_progress();
  if (operation == "disclose")
    return target.disclose(text_in(request, "id"), text_in(request, "reason"),
                           {author, flag_of(request, "clock_is_right")});
  if (operation == "activate" || operation == "shadow")
    return target.change_state({text_in(request, "id"), text_in(request, "reason"),
                                operation == "shadow" ? policy::DecisionState::shadow : policy::DecisionState::active,
                                text_of(request, "token")},
                               {author, flag_of(request, "clock_is_right")});
  if (operation == "why")
    return target.why({text_in(request, "name"), text_of(request, "client"), text_of(request, "at")});
  if (operation == "trace") return trace(target, request);
  if (operation == "flush") return flush(target, request);
  if (operation == "cache") return cache(target, request);
  if (operation == "status") return target.status();
  if (operation == "dump") return target.dump();
  if (operation == "zone") return zone(target, request);
  if (operation == "reload") return target.reload();
  if (operation == "stop") return target.stop_server();
  return std::unexpected(fmt::format("unknown operation \"{}\"", operation));
}

std::string reply(const char* key, const std::string& text) {
  // Names and texts may hold octets that are no UTF-8: those are replaced, the reply stays one.
  return json{{key, text}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string perform_line(RequestTarget& target, std::string_view line, const std::string& author) {
  try {
    const auto request = json::parse(line, nullptr, false);
    if (request.is_discarded()) return reply("error", "request: is no JSON in UTF-8");
    if (!request.is_object()) return reply("error", "request: must be a JSON object");
    const auto width = width_of(request);
    const auto as_json = flag_of(request, "json");
    const auto done = perform(target, request, author);
    if (!done) return reply("error", done.error());
    return reply("output", as_json ? policy::to_json(*done) : policy::to_text(*done, width));
  } catch (const std::exception& error) {
    return reply("error", error.what());
  }
}

}  // namespace placard::app
