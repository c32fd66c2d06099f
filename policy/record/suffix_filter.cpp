#include "policy/record/suffix_filter.hpp"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <libpsl.h>
#include <xxhash.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

#include "policy/record/digest.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

std::string sha1_of(std::string_view text) {
  std::array<std::uint8_t, 20> digest{};
  if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text.data(), text.size(), digest.data()) != 0) return {};
  return to_hex(as_text(digest));
}

}  // namespace

std::size_t SuffixFilter::bit_of(std::string_view key) {
  return XXH3_64bits(key.data(), key.size()) % kBits;
}

bool SuffixFilter::may_hold(std::string_view key) const {
  if (rules_[bit_of(key)]) return true;
  const auto dot = key.rfind('.');
  return dot != key.npos && above_any_[bit_of(key.substr(0, dot))];
}

/// False when it is not to be understood.
bool SuffixFilter::add(std::string_view rule) {
  const bool is_exception = rule.starts_with('!'), is_wildcard = rule.starts_with("*.");
  if (is_exception) rule.remove_prefix(1);
  if (is_wildcard) rule.remove_prefix(2);
  const auto name = name_from_writing(rule);
  if (!name) return false;
  const auto key = stored_key(*name);
  rules_[bit_of(key)] = true;
  if (is_wildcard) above_any_[bit_of(key)] = true;
  // An A-label that libpsl made otherwise would not be found by ours.
  const auto text = stored_name(*name);
  return is_exception || psl_is_public_suffix2(psl_builtin(), text.c_str(), PSL_TYPE_ANY) != 0;
}

std::shared_ptr<const SuffixFilter> SuffixFilter::load() {
  const char* path = psl_builtin_filename();
  const char* expected = psl_builtin_sha1sum();
  if (path == nullptr || expected == nullptr || psl_builtin() == nullptr) return nullptr;
  std::ostringstream read;
  if (std::ifstream in(path, std::ios::binary); !in || !(read << in.rdbuf())) return nullptr;
  const auto text = std::move(read).str();
  if (sha1_of(text) != expected) return nullptr;
  auto filter = std::make_shared<SuffixFilter>();
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    const auto rule = line.substr(0, line.find_first_of(" \t\r"));
    if (rule.empty() || rule.starts_with("//")) continue;
    if (!filter->add(rule)) return nullptr;
  }
  return filter;
}

}  // namespace placard::policy
