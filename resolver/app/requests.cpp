#include "resolver/app/requests.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace placard::app {
namespace {

using nlohmann::json;

std::string text_of(const json& request, const char* key) {
  const auto found = request.find(key);
  return found == request.end() ? std::string() : found->get<std::string>();
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
  if (request.value("all", false)) return target.flush(std::nullopt);
  auto name = wire::Name::from_text(text);
  if (text.empty() || !name) return std::unexpected(fmt::format("\"{}\" is no domain name", text));
  return target.flush(*name);
}

Done perform(RequestTarget& target, const json& request, const std::string& author) {
  const auto operation = request.at("operation").get<std::string>();
  if (operation == "decide") {
    std::vector<DecisionFile> files;
    for (const auto& file : request.at("files"))
      files.push_back({file.at("name").get<std::string>(), file.at("text").get<std::string>()});
    return target.decide(files, author);
  }
  if (operation == "lift")
    return target.lift(request.at("id").get<std::string>(), request.at("reason").get<std::string>(), author);
  if (operation == "why")
    return target.why({request.at("name").get<std::string>(), text_of(request, "client"), text_of(request, "at")});
  if (operation == "trace") return trace(target, request);
  if (operation == "flush") return flush(target, request);
  if (operation == "status") return target.status();
  if (operation == "dump") return target.dump();
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
    const auto request = json::parse(line);
    const auto done = perform(target, request, author);
    if (!done) return reply("error", done.error());
    const auto width = request.value("width", std::size_t{80});
    return reply("output", request.value("json", false) ? policy::to_json(*done) : policy::to_text(*done, width));
  } catch (const json::exception& error) {
    return reply("error", fmt::format("request: {}", error.what()));
  } catch (const std::exception& error) {
    return reply("error", error.what());
  }
}

}  // namespace placard::app
