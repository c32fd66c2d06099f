#include "policy/lists/json_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "policy/lists/line_parser.hpp"
#include "policy/record/prefix.hpp"
#include "policy/record/written_name.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::policy {
namespace {

/// The members of a line as they stand there.
struct Members {
  std::string_view name, match, action, trigger, prefix, target;
  std::optional<std::uint32_t> ttl;
  std::vector<std::string_view> records;
};

/// The JSON of nearly all lines: one object, no escapes, no white space but single blanks. Anything else is left to the
/// library, which is slower. Nothing when it gives up.
class PlainObject {
 public:
  explicit PlainObject(std::string_view text) : rest_(text) {}

  bool read(Members& members) {
    if (!take('{')) return false;
    if (take('}')) return rest_.empty();
    do {
      std::string_view key;
      if (!string(key) || !take(':') || !value(key, members)) return false;
    } while (take(','));
    return take('}') && rest_.empty();
  }

 private:
  bool take(char wanted) {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool string(std::string_view& out) {
    if (!take('"')) return false;
    const auto end = rest_.find('"');
    if (end == rest_.npos) return false;
    out = rest_.substr(0, end);
    for (const char c : out)
      if (c == '\\' || static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) return false;
    rest_.remove_prefix(end + 1);
    return true;
  }

  bool value(std::string_view key, Members& members) {
    if (key == "ttl") {
      take(' ');
      std::uint32_t number = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
      if (error != std::errc()) return false;
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      members.ttl = number;
      return true;
    }
    if (key == "records") {
      if (!take('[')) return false;
      do {
        if (!string(members.records.emplace_back())) return false;
      } while (take(','));
      return take(']');
    }
    for (const auto& [name, member] : {std::pair{"name", &Members::name},
                                       {"match", &Members::match},
                                       {"action", &Members::action},
                                       {"trigger", &Members::trigger},
                                       {"prefix", &Members::prefix},
                                       {"target", &Members::target}})
      if (key == name) return string(members.*member);
    return false;
  }

  std::string_view rest_;
};

/// The same through the library; `object` keeps what `members` borrows. What is wrong, or nothing.
std::string read_any_object(const nlohmann::json& object, Members& members) {
  if (!object.is_object()) return "no JSON object";
  for (const auto& [key, value] : object.items()) {
    const auto text = [&]() -> std::string_view { return value.get_ref<const std::string&>(); };
    if (key == "ttl") {
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 0xFFFFFFFFU) return "ttl: no whole number";
      members.ttl = value.get<std::uint32_t>();
    } else if (key == "records") {
      if (!value.is_array()) return "records: no list";
      for (const auto& record : value) {
        if (!record.is_string()) return "records: must be texts";
        members.records.push_back(record.get_ref<const std::string&>());
      }
    } else if (!value.is_string()) {
      return key.substr(0, 40) + ": must be text";
    } else if (key == "name") {
      members.name = text();
    } else if (key == "match") {
      members.match = text();
    } else if (key == "action") {
      members.action = text();
    } else if (key == "trigger") {
      members.trigger = text();
    } else if (key == "prefix") {
      members.prefix = text();
    } else if (key == "target") {
      members.target = text();
    } else {
      return "unknown member " + key.substr(0, 40);
    }
  }
  return {};
}

class JsonLinesParser final : public LineParser {
 public:
  void parse(std::string_view line, ListSink& sink) override {
    const auto text = trimmed(line);
    if (text.empty()) return sink.ignore();
    Members members;
    if (PlainObject(text).read(members)) return take(members, sink);
    members = {};
    const auto object = nlohmann::json::parse(text, nullptr, false);
    if (const auto wrong = read_any_object(object, members); !wrong.empty())
      return sink.reject(object.is_discarded() ? Rejection::syntax : Rejection::unknown_word, wrong);
    take(members, sink);
  }

 private:
  static void take(const Members& members, ListSink& sink) {
    RuleForm form;
    const auto trigger = members.trigger.empty() ? Trigger::qname : trigger_from_text(members.trigger);
    const auto action = action_from_text(members.action);
    const bool named = trigger == Trigger::qname || trigger == Trigger::nsdname;
    // An address has nothing below it: its rules have no match.
    const auto match = named ? match_kind_from_text(members.match) : std::optional(MatchKind::both);
    if (!trigger) return sink.reject(Rejection::unknown_word, "trigger");
    if (!action) return sink.reject(Rejection::unknown_word, "action");
    if (!match || (!named && !members.match.empty())) return sink.reject(Rejection::unknown_word, "match");
    if (named == members.name.empty() || named != members.prefix.empty())
      return sink.reject(Rejection::syntax, named ? "wants a name and no prefix" : "wants a prefix and no name");
    form = {*trigger, *match, *action, members.ttl, {}, {}};
    if (!take_data(members, form, sink)) return;
    const bool plain = *trigger == Trigger::qname && form.records.empty() && *action != Action::cname;
    if (!named) return take_prefix(members.prefix, form, sink);
    // A name of any octets, as policy zones have them: escapes say that it is meant so.
    if (members.name == "." || members.name.find('\\') != members.name.npos) {
      const auto name = wire::Name::from_text(members.name);
      if (!name) return sink.reject(Rejection::not_a_name, wire::to_text(name.error()));
      sink.add_key(stored_key(*name), sink.rules.form_number(form));
      return;
    }
    if (plain && members.ttl == sink.syntax.ttl)
      sink.add_name(members.name, *match, *action);
    else
      sink.add_name(members.name, form);
  }

  static bool take_data(const Members& members, RuleForm& form, ListSink& sink) {
    if ((form.action == Action::local_data) == members.records.empty()) {
      sink.reject(Rejection::bad_record, "records belong to action local-data");
      return false;
    }
    if ((form.action == Action::cname) == members.target.empty()) {
      sink.reject(Rejection::bad_record, "a target belongs to action cname");
      return false;
    }
    if (form.action == Action::cname) {
      const auto target = wire::Name::from_text(members.target);
      if (!target || target->view().is_root()) {
        sink.reject(Rejection::not_a_name, "target");
        return false;
      }
      form.target = target->lowered();
    }
    for (const auto& text : members.records) {
      const auto space = text.find(' ');
      const auto type = wire::record_type_from_text(text.substr(0, space));
      const auto rdata = space == text.npos || !type || wire::is_meta(*type)
                             ? std::unexpected(std::string("write a type and its data"))
                             : wire::rdata_from_text(*type, text.substr(space + 1), wire::NameView());
      if (!rdata) {
        sink.reject(Rejection::bad_record, rdata.error());
        return false;
      }
      form.records.push_back({*type, *rdata});
    }
    return true;
  }

  static void take_prefix(std::string_view text, const RuleForm& form, ListSink& sink) {
    const auto prefix = prefix_from_text(text);
    if (!prefix) return sink.reject(Rejection::bad_prefix, prefix.error());
    sink.add_key(prefix->to_text(), sink.rules.form_number(form));
  }
};

/// No top-level domain is a number: what ends in one is taken for an address.
bool has_number_on_top(std::string_view key) {
  return key.substr(0, key.find('.')).find_first_not_of("0123456789") == key.npos;
}

/// A name as this format reads it back: what is no plain host name has an escape in it, which says that it is meant so.
std::string written(std::string_view key) {
  const auto name = stored_name(name_from_key(key).value());
  if (HostKey plain; plain.assign(name) || name == "." || name.front() == '\\') return name;
  if (name.find("xn--") != name.npos)
    if (const auto again = name_from_writing(name); again && stored_key(*again) == key && !has_number_on_top(key))
      return name;
  return fmt::format("\\{:03}{}", static_cast<unsigned char>(name.front()), name.substr(1));
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string json_line_of(const ListedRule& rule, const RuleForm& form) {
  const bool named = form.trigger == Trigger::qname || form.trigger == Trigger::nsdname;
  std::string line = "{";
  if (form.trigger != Trigger::qname) line += fmt::format("\"trigger\":\"{}\",", to_text(form.trigger));
  if (named)
    line += fmt::format("\"name\":{},\"match\":\"{}\"", json_text(written(rule.key)), to_text(form.match));
  else
    line += fmt::format("\"prefix\":\"{}\"", rule.key);
  line += fmt::format(",\"action\":\"{}\"", to_text(form.action));
  if (form.ttl) line += fmt::format(",\"ttl\":{}", *form.ttl);
  std::string records;
  for (const auto& record : form.records) {
    const auto text = fmt::format("{} {}", wire::to_text(record.type), wire::rdata_to_text(record.type, record.rdata));
    records += (records.empty() ? "" : ",") + json_text(text);
  }
  if (!records.empty()) line += ",\"records\":[" + records + "]";
  if (form.action == Action::cname) line += ",\"target\":" + json_text(stored_name(form.target));
  return line + "}";
}

std::unique_ptr<LineParser> make_jsonl_parser(const ListSyntax&) {
  return std::make_unique<JsonLinesParser>();
}

}  // namespace placard::policy
