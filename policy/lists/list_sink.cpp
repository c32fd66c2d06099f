#include "policy/lists/list_sink.hpp"

#include <algorithm>
#include <cstring>

#include "policy/record/prefix.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

/// Letters in lower case for what stands in a host name's label, 0 for all else.
constexpr std::array<char, 256> kHostLetters = [] {
  std::array<char, 256> letters{};
  for (int c = 'a'; c <= 'z'; ++c) letters[static_cast<std::size_t>(c)] = static_cast<char>(c);
  for (int c = 'A'; c <= 'Z'; ++c) letters[static_cast<std::size_t>(c)] = static_cast<char>(c - 'A' + 'a');
  for (int c = '0'; c <= '9'; ++c) letters[static_cast<std::size_t>(c)] = static_cast<char>(c);
  letters['-'] = '-';
  letters['_'] = '_';
  return letters;
}();

constexpr std::size_t kMaxHost = 253;  // octets as text

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool has_alabel(std::string_view text) {
  const auto at = std::ranges::search(text, std::string_view("xn--"), {}, [](char c) { return c | 0x20; });
  return !at.empty();
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool HostKey::assign(std::string_view text) {
  if (text.empty() || text.size() > kMaxHost) return false;
  char* out = buffer_.data();
  std::size_t end = text.size();
  bool first = true;
  for (;;) {
    // One label, from behind.
    const auto* dot = static_cast<const char*>(memrchr(text.data(), '.', end));
    const auto begin = dot ? static_cast<std::size_t>(dot - text.data()) + 1 : 0;
    const auto size = end - begin;
    if (size == 0 || size > wire::kMaxLabelSize) return false;
    bool all_digits = first;
    for (std::size_t i = 0; i < size; ++i) {
      const char letter = kHostLetters[static_cast<unsigned char>(text[begin + i])];
      if (letter == 0) return false;
      out[i] = letter;
      all_digits = all_digits && letter >= '0' && letter <= '9';
    }
    if (all_digits) return false;
    if (size > 4 && out[0] == 'x' && out[1] == 'n' && out[2] == '-' && out[3] == '-') return false;
    out += size;
    first = false;
    if (begin == 0) break;
    *out++ = '.';
    end = begin - 1;
  }
  size_ = static_cast<std::size_t>(out - buffer_.data());
  return true;
}

ListSink::ListSink(const ListSyntax& used) : syntax(used) {}

std::uint32_t ListSink::plain_form(MatchKind match, Action action) {
  auto& number = plain_forms_[static_cast<std::size_t>(match)][static_cast<std::size_t>(action)];
  if (!number) {
    RuleForm form;
    form.match = match;
    form.action = action;
    form.ttl = syntax.ttl;
    number = rules.form_number(form);
  }
  return *number;
}

bool ListSink::add_key(std::string_view key, std::uint32_t form) {
  if (!rules.add(key, form, line_)) {
    reject(Rejection::list_full);
    return false;
  }
  ++report.accepted;
  return true;
}

bool ListSink::add_name(std::string_view written, MatchKind match, Action action) {
  bool is_wildcard = false;
  const auto key = key_of(written, is_wildcard);
  if (!key) return false;
  if (is_wildcard && match == MatchKind::exact) {
    reject(Rejection::pattern, "a wildcard, and the list's match is exact");
    return false;
  }
  if (is_wildcard) normalise(Normalisation::wildcard);
  return add_key(*key, plain_form(match, action));
}

bool ListSink::add_name(std::string_view written, const RuleForm& form) {
  bool is_wildcard = false;
  const auto key = key_of(written, is_wildcard);
  if (!key) return false;
  if (is_wildcard) {
    reject(Rejection::pattern);
    return false;
  }
  return add_key(*key, rules.form_number(form));
}

std::optional<std::string_view> ListSink::key_of(std::string_view written, bool& is_wildcard) {
  return host_.assign(written) ? std::optional(host_.view()) : slow_key_of(written, is_wildcard);
}

std::optional<std::string_view> ListSink::slow_key_of(std::string_view written, bool& is_wildcard) {
  const auto refuse = [this](Rejection reason, std::string_view detail = {}) -> std::optional<std::string_view> {
    reject(reason, detail);
    return std::nullopt;
  };
  auto name = written;
  bool is_url = false, has_dot = false;
  if (const auto scheme = name.find("://"); scheme != name.npos) {
    name.remove_prefix(scheme + 3);
    if (name.ends_with('/')) name.remove_suffix(1);
    is_url = true;
  }
  if (name.empty()) return refuse(Rejection::not_a_name, "empty");
  if (prefix_from_text(name)) return refuse(Rejection::address);
  if (name.find_first_of("/?#") != name.npos) return refuse(Rejection::path);
  if (name.find('@') != name.npos) return refuse(Rejection::not_a_name, "an e-mail address");
  if (const auto colon = name.rfind(':'); colon != name.npos)
    return refuse(is_digits(name.substr(colon + 1)) && name.find(':') == colon ? Rejection::port
                                                                               : Rejection::not_a_name);
  if (name.starts_with("*.") || (name.starts_with('.') && name.size() > 1)) {
    name.remove_prefix(name[0] == '*' ? 2 : 1);
    is_wildcard = true;
  }
  if (name.find('*') != name.npos) return refuse(Rejection::pattern);
  if (name.size() > 1 && name.ends_with('.')) {
    name.remove_suffix(1);
    has_dot = true;
  }
  if (host_.assign(name)) {
    if (is_url) normalise(Normalisation::url);
    if (has_dot) normalise(Normalisation::trailing_dot);
    return host_.view();
  }
  const bool plain = is_ascii(name), alabel = has_alabel(name);
  const auto parsed = name_from_writing(name);
  if (!parsed) return refuse(plain && !alabel ? Rejection::not_a_name : Rejection::bad_idn, parsed.error());
  slow_key_ = stored_key(*parsed);
  if (slow_key_.empty() || is_digits(std::string_view(slow_key_).substr(0, slow_key_.find('.'))))
    return refuse(Rejection::not_a_name);
  if (is_url) normalise(Normalisation::url);
  if (has_dot) normalise(Normalisation::trailing_dot);
  if (!plain) normalise(Normalisation::idn);
  return slow_key_;
}

}  // namespace placard::policy
