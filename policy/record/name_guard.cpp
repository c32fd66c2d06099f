#include "policy/record/name_guard.hpp"

#include <fmt/format.h>
#include <libpsl.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

/// The length behind the slash of a canonical prefix.
unsigned length_of(std::string_view prefix) {
  unsigned length = 0;
  const auto slash = prefix.rfind('/');
  if (slash != prefix.npos) std::from_chars(prefix.data() + slash + 1, prefix.data() + prefix.size(), length);
  return length;
}

std::string text_of_key(std::string_view key) {
  const auto name = name_from_key(key);
  return name ? stored_name(*name) : std::string(key);
}

/// The list has U-labels and A-labels both.
bool is_public_suffix(std::string_view key) {
  // Nearly every key is a name turned round label by label: no need to make a name of it first.
  std::array<char, wire::kMaxNameSize + 1> name;
  if (key.size() >= name.size() || key.find('\\') != key.npos)
    return psl_is_public_suffix2(psl_builtin(), text_of_key(key).c_str(), PSL_TYPE_ANY) != 0;
  char* at = name.data() + key.size();
  *at = '\0';
  for (auto rest = key;;) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    at -= label.size();
    std::copy(label.begin(), label.end(), at);
    if (dot == rest.npos) break;
    *--at = '.';
    rest.remove_prefix(dot + 1);
  }
  return psl_is_public_suffix2(psl_builtin(), name.data(), PSL_TYPE_ANY) != 0;
}

}  // namespace

std::string shown_key(std::string_view key, Trigger trigger) {
  return is_about_a_name(trigger) ? text_of_key(key) : std::string(key);
}

bool is_at_or_below(std::string_view key, std::string_view above) {
  if (above.empty()) return true;
  return key.starts_with(above) && (key.size() == above.size() || key[above.size()] == '.');
}

NameGuard::NameGuard(const Guards& guards) : widest_ipv4_(guards.widest_ipv4), widest_ipv6_(guards.widest_ipv6) {
  for (const auto& name : guards.protected_names) protected_.push_back(stored_key(name));
  for (const auto& name : guards.own_names) own_.push_back(stored_key(name));
  // One that is protected with all below it is no less so for being our own.
  std::erase_if(own_, [this](const auto& key) { return std::ranges::find(protected_, key) != protected_.end(); });
  protected_.insert(protected_.end(), own_.begin(), own_.end());
  std::ranges::sort(protected_);
  std::ranges::sort(own_);
}

std::string_view NameGuard::protected_by(std::string_view key, MatchKind match) const {
  if (protected_.empty()) return {};
  // Those at and below the key follow one another from the first that is not less; with others between, whose next
  // octet sorts before the dot ("com.a-b" before "com.a.b").
  for (auto at = std::ranges::lower_bound(protected_, key); at != protected_.end() && at->starts_with(key); ++at) {
    const bool same = at->size() == key.size();
    if (same && match == MatchKind::subdomains && std::ranges::binary_search(own_, *at)) continue;
    if (is_at_or_below(*at, key) && (same || match != MatchKind::exact)) return *at;
  }
  // Those above it: its own beginnings.
  for (auto dot = key.size(); dot != key.npos && dot > 0; dot = key.rfind('.', dot - 1)) {
    const auto above = key.substr(0, dot);
    const auto at = std::ranges::lower_bound(protected_, above);
    if (at != protected_.end() && *at == above && !std::ranges::binary_search(own_, above)) return *at;
  }
  return {};
}

Guarded NameGuard::judge(std::string_view key, Trigger trigger, MatchKind match, Action action) const {
  if (!is_about_a_name(trigger)) {
    const bool wide = length_of(key) < (key.find(':') == key.npos ? widest_ipv4_ : widest_ipv6_);
    return wide ? Guarded::wide_prefix : Guarded::no;
  }
  if (key.empty()) return Guarded::root;
  if (key.find('.') == key.npos) return Guarded::top_level;
  if ((!suffixes_ || suffixes_->may_hold(key)) && is_public_suffix(key)) return Guarded::public_suffix;
  if (action != Action::passthru && !protected_by(key, match).empty()) return Guarded::protected_name;
  return Guarded::no;
}

MandateGuard::MandateGuard(const Mandate& mandate) : mandate_(mandate) {
  for (const auto& suffix : mandate.suffixes) suffixes_.push_back(stored_key(suffix));
}

bool MandateGuard::allows_form(Trigger trigger, Action action) const {
  const auto allowed = [](const auto& limits, auto value) {
    return limits.empty() || std::ranges::find(limits, value) != limits.end();
  };
  return allowed(mandate_.triggers, trigger) && allowed(mandate_.actions, action);
}

bool MandateGuard::allows_key(std::string_view key, Trigger trigger) const {
  if (suffixes_.empty()) return true;
  // An address belongs to no suffix.
  if (!is_about_a_name(trigger)) return false;
  return std::ranges::any_of(suffixes_, [key](const auto& suffix) { return is_at_or_below(key, suffix); });
}

bool MandateGuard::allows(std::string_view key, Trigger trigger, Action action) const {
  return allows_form(trigger, action) && allows_key(key, trigger);
}

std::string MandateGuard::broken_limit(std::string_view key, Trigger trigger, Action action) const {
  if (allows(key, trigger, action)) return {};
  if (!allows_key(key, trigger)) {
    std::string names;
    for (const auto& suffix : mandate_.suffixes) names += (names.empty() ? "" : ", ") + stored_name(suffix);
    return fmt::format("suffixes are {}", names);
  }
  const bool by_trigger =
      !mandate_.triggers.empty() && std::ranges::find(mandate_.triggers, trigger) == mandate_.triggers.end();
  return by_trigger ? fmt::format("triggers do not have {}", to_text(trigger))
                    : fmt::format("actions do not have {}", to_text(action));
}

std::string why_guarded(Guarded guarded, std::string_view key, const NameGuard& guard, MatchKind match) {
  switch (guarded) {
    case Guarded::no:
      break;
    case Guarded::root:
      return "the root: that is every name there is";
    case Guarded::top_level:
      return fmt::format("'{}' is a top-level domain: thousands of others are below it", text_of_key(key));
    case Guarded::public_suffix:
      return fmt::format("'{}' is a public suffix: names of many owners are below it", text_of_key(key));
    case Guarded::protected_name:
      return fmt::format("'{}' reaches '{}', which this server protects", text_of_key(key),
                         text_of_key(guard.protected_by(key, match)));
    case Guarded::wide_prefix:
      return fmt::format("'{}' holds more addresses than a rule may", key);
  }
  return {};
}

}  // namespace placard::policy
