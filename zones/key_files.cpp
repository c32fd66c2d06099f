// Signing keys on disk: ZONE.keys says what each is for and when, K<zone>+<algorithm>+<tag>.private has its secret in
// the form that BIND's and ldns's tools read and write, .key its DNSKEY. All are of mode 0600, and replaced whole.
#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>

#include "zones/durable_file.hpp"
#include "zones/key_text.hpp"
#include "zones/tsig.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/zone_keys.hpp"
#include "zones/zone_store.hpp"

namespace placard::zones {
namespace {

namespace fs = std::filesystem;
using Done = std::expected<void, std::string>;

constexpr std::size_t kMaxFile = 1U << 16U;  // octets

FileDone write_text(const fs::path& path, const std::string& text) {
  return replace_file(path, [&](const DurableFile& file) -> FileDone {
    return file.write_at(0, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  });
}

std::expected<std::string, std::string> read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in.eof() && in.fail()) || (in.gcount() == 0 && !in.eof()))
    return std::unexpected(path.string() + ": cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFile) return std::unexpected(path.string() + ": too long for a key");
  return text;
}

/// The value behind "NAME:" at the start of a line.
std::optional<std::string> field(const std::string& text, std::string_view name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':')
      return line.substr(name.size() + 1);
  return std::nullopt;
}

struct Moment {
  std::string_view name;
  std::int64_t ZoneKey::* member;
};
constexpr Moment kMoments[] = {{"published", &ZoneKey::published_at},
                               {"active", &ZoneKey::active_at},
                               {"ds_seen", &ZoneKey::ds_seen_at},
                               {"remove", &ZoneKey::remove_at}};

}  // namespace

std::string key_time_text(std::int64_t at) {
  const auto seconds = static_cast<std::time_t>(at);
  std::tm parts{};
  char text[32];
  ::gmtime_r(&seconds, &parts);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::optional<std::int64_t> key_time_from_text(std::string_view text) {
  std::tm parts{};
  const std::string whole(text);
  const char* end = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&parts);
}

std::string ds_line(wire::NameView origin, wire::Bytes dnskey_rdata) {
  return origin.to_text() + " IN DS " +
         wire::rdata_to_text(wire::RecordType::ds, wire::make_ds_rdata(origin, dnskey_rdata));
}

std::string base64(wire::Bytes octets) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, octets.size() - at);
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 3; ++i) word = word << 8U | (i < count ? octets[at + i] : 0U);
    for (std::size_t i = 0; i < 4; ++i) text += i <= count ? kLetters[word >> (18 - 6 * i) & 63U] : '=';
  }
  return text;
}

fs::path ZoneKeys::state_path() const {
  return folder_ / (file_name_of(origin_) + ".keys");
}

std::string ZoneKeys::file_stem(unsigned algorithm, unsigned tag) const {
  char numbers[32];
  std::snprintf(numbers, sizeof numbers, "+%03u+%05u", algorithm, tag);
  return "K" + (origin_.view().is_root() ? std::string() : file_name_of(origin_)) + "." + numbers;
}

/// Before the state file names it: a file that is named is always there.
Done ZoneKeys::save_secret(const ZoneKey& key) const {
  std::error_code error;
  fs::create_directories(folder_.parent_path(), error);
  if (fs::create_directory(folder_, error)) fs::permissions(folder_, fs::perms::owner_all, error);
  const auto algorithm = static_cast<unsigned>(key.key.algorithm());
  const std::string stem = file_stem(algorithm, key.tag);
  const std::string text = "Private-key-format: v1.2\nAlgorithm: " + std::to_string(algorithm) + " (" +
                           wire::to_text(key.key.algorithm()) + ")\nPrivateKey: " + base64(key.key.secret()) + "\n";
  if (auto written = write_text(folder_ / (stem + ".private"), text); !written) return written;
  const std::string line =
      wire::record_to_text(origin_, wire::RecordType::dnskey, wire::RecordClass::in, 3'600, key.dnskey);
  return write_text(folder_ / (stem + ".key"), line + "\n");
}

Done ZoneKeys::save() {
  std::string text = "; Signing keys of " + origin_.to_text() +
                     " and their moments (UTC), kept by placard: role, algorithm, key tag.\n"
                     "; The secret of each is in the file named after it.\n";
  for (const auto& key : keys_) {
    text += (key.role == KeyRole::ksk ? "ksk " : "zsk ") + std::to_string(static_cast<unsigned>(key.key.algorithm())) +
            " " + std::to_string(key.tag);
    for (const auto& [name, member] : kMoments)
      if (key.*member != 0) text += " " + std::string(name) + "=" + key_time_text(key.*member);
    text += "\n";
  }
  return write_text(state_path(), text);
}

Done ZoneKeys::read_line(const std::string& line) {
  std::istringstream words(line);
  std::string role;
  unsigned algorithm = 0, tag = 0;
  words >> role >> algorithm >> tag;
  if (!words || (role != "ksk" && role != "zsk") || algorithm > 255 || tag > 65'535)
    return std::unexpected("wants \"ksk\" or \"zsk\", an algorithm and a key tag");
  const auto path = folder_ / (file_stem(algorithm, tag) + ".private");
  const auto text = read_text(path);
  if (!text) return std::unexpected(text.error());
  const auto secret = field(*text, "PrivateKey");
  const auto octets = secret ? tsig_secret_from_text(*secret) : std::unexpected(std::string());
  const auto key = octets ? wire::PrivateKey::from_secret(static_cast<wire::Algorithm>(algorithm), *octets)
                          : std::optional<wire::PrivateKey>();
  if (!key) return std::unexpected(path.string() + ": holds no key of algorithm " + std::to_string(algorithm));
  ZoneKey made{.role = role == "ksk" ? KeyRole::ksk : KeyRole::zsk,
               .key = *key,
               .dnskey = wire::make_dnskey_rdata(*key, role == "ksk")};
  made.tag = wire::key_tag(made.dnskey);
  if (made.tag != tag)
    return std::unexpected(path.string() + ": is another key than that of tag " + std::to_string(tag));
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    const auto moment = std::ranges::find(kMoments, word.substr(0, equals), &Moment::name);
    const auto at = equals == std::string::npos ? std::nullopt : key_time_from_text(word.substr(equals + 1));
    if (moment == std::end(kMoments) || !at) return std::unexpected("\"" + word + "\" is no moment");
    made.*(moment->member) = *at;
  }
  keys_.push_back(std::move(made));
  return {};
}

std::expected<ZoneKeys, std::string> ZoneKeys::open(const fs::path& folder, wire::NameView origin) {
  ZoneKeys keys(folder, origin);
  std::error_code error;
  const auto path = keys.state_path();
  if (!fs::exists(path, error)) {
    if (error) return std::unexpected(path.string() + ": " + error.message());
    return keys;
  }
  const auto text = read_text(path);
  if (!text) return std::unexpected(text.error());
  std::istringstream lines(*text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line.front() == ';') continue;
    if (auto read = keys.read_line(line); !read)
      return std::unexpected(path.string() + ":" + std::to_string(number) + ": " + read.error());
  }
  std::ranges::stable_sort(keys.keys_, {}, &ZoneKey::published_at);
  return keys;
}

}  // namespace placard::zones
