// Hosts files: an address and names that have it; blocking ones have 0.0.0.0 or a loopback address.
//
// A name means itself alone. The lines about the machine's own names, which every such file has, are passed over. Any
// other address would send visitors to somebody: taken as local data only where the list's owner asked for it.
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "policy/lists/address_of_list.hpp"
#include "policy/lists/line_parser.hpp"

namespace placard::policy {
namespace {

constexpr std::array<std::string_view, 14> kOwnNames = {"localhost",     "localhost.localdomain",
                                                        "localhost6",    "localhost6.localdomain6",
                                                        "local",         "broadcasthost",
                                                        "ip6-localhost", "ip6-loopback",
                                                        "ip6-localnet",  "ip6-mcastprefix",
                                                        "ip6-allnodes",  "ip6-allrouters",
                                                        "ip6-allhosts",  "0.0.0.0"};

std::string_view take_word(std::string_view& text) {
  const auto end = std::min(text.find_first_of(" \t"), text.size());
  const auto word = text.substr(0, end);
  text = trimmed(text.substr(end));
  return word;
}

class HostsParser final : public LineParser {
 public:
  explicit HostsParser(const ListSyntax& syntax)
      : match_(syntax.match.value_or(MatchKind::exact)), action_(syntax.action), redirects_(syntax.redirects) {}

  void parse(std::string_view line, ListSink& sink) override {
    auto rest = trimmed(line.substr(0, line.find('#')));
    if (rest.empty()) return sink.ignore();
    const auto kind = address_.read(take_word(rest));
    if (kind == ListedAddress::Kind::none) return sink.reject(Rejection::syntax, "does not begin with an address");
    if (rest.empty()) return sink.reject(Rejection::syntax, "an address without a name");
    while (!rest.empty()) {
      const auto name = take_word(rest);
      if (std::ranges::find(kOwnNames, name) != kOwnNames.end())
        sink.ignore();
      else if (kind == ListedAddress::Kind::null)
        sink.add_name(name, match_, action_);
      else if (!redirects_)
        sink.reject(Rejection::redirect);
      else
        sink.add_name(name, RuleForm{.trigger = Trigger::qname,
                                     .match = match_,
                                     .action = Action::local_data,
                                     .ttl = sink.syntax.ttl,
                                     .records = {address_.record()},
                                     .target = {}});
    }
  }

 private:
  const MatchKind match_;
  const Action action_;
  const bool redirects_;
  ListedAddress address_;
};

}  // namespace

ListedAddress::Kind ListedAddress::read(std::string_view text) {
  if (text == last_ && !text.empty()) return kind_;
  last_ = text;
  std::array<std::uint8_t, 16> octets{};
  if (inet_pton(AF_INET, last_.c_str(), octets.data()) == 1) {
    const bool null =
        octets[0] == 127 || std::all_of(octets.begin(), octets.begin() + 4, [](auto o) { return o == 0; });
    kind_ = null ? Kind::null : Kind::other;
    record_ = {wire::RecordType::a, {octets.begin(), octets.begin() + 4}};
  } else if (inet_pton(AF_INET6, last_.c_str(), octets.data()) == 1) {
    const bool null = std::all_of(octets.begin(), octets.end() - 1, [](auto o) { return o == 0; }) && octets[15] <= 1;
    kind_ = null ? Kind::null : Kind::other;
    record_ = {wire::RecordType::aaaa, {octets.begin(), octets.end()}};
  } else {
    kind_ = Kind::none;
  }
  return kind_;
}

std::unique_ptr<LineParser> make_hosts_parser(const ListSyntax& syntax) {
  return std::make_unique<HostsParser>(syntax);
}

}  // namespace placard::policy
