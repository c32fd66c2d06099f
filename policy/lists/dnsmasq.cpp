// dnsmasq's configuration, the part of it that blocks: address=/name/…/address, local=/name/ and server=/name/.
//
// Each means the names and all below them. Without an address the name does not exist (NXDOMAIN); with 0.0.0.0, ::, a
// loopback address or "#" it is blocked by the list's action; server=/name/# lets it through to the usual servers.
// Another address sends visitors to somebody and is taken only where redirects were asked for; server=/name/ADDRESS
// chooses who is asked, which is no policy.
#include <vector>

#include "policy/lists/address_of_list.hpp"
#include "policy/lists/line_parser.hpp"

namespace placard::policy {
namespace {

class DnsmasqParser final : public LineParser {
 public:
  explicit DnsmasqParser(const ListSyntax& syntax) : action_(syntax.action) {}

  void parse(std::string_view line, ListSink& sink) override {
    auto text = trimmed(line);
    if (text.empty() || text.front() == '#') return sink.ignore();
    if (const auto comment = text.find(" #"); comment != text.npos) text = trimmed(text.substr(0, comment));
    const auto equals = text.find('=');
    const auto key = trimmed(text.substr(0, equals));
    if (key != "address" && key != "server" && key != "local") return sink.reject(Rejection::directive);
    auto value = equals == text.npos ? std::string_view() : trimmed(text.substr(equals + 1));
    const auto last = value.rfind('/');
    if (!value.starts_with('/') || last == 0) return sink.reject(Rejection::syntax, "no name between slashes");
    const auto target = value.substr(last + 1);
    value = value.substr(1, last - 1);
    RuleForm form;
    form.ttl = sink.syntax.ttl;
    if (!read_target(key, target, form, sink)) return;
    for (;;) {
      const auto end = value.find('/');
      take_name(value.substr(0, end), form, sink);
      if (end == value.npos) break;
      value.remove_prefix(end + 1);
    }
  }

 private:
  bool read_target(std::string_view key, std::string_view target, RuleForm& form, ListSink& sink) {
    if (target.empty()) {
      form.action = Action::nxdomain;
      return true;
    }
    if (key != "address") {
      form.action = Action::passthru;
      if (target != "#") sink.reject(Rejection::directive, "says who is asked about the name");
      return target == "#";
    }
    const auto kind = target == "#" ? ListedAddress::Kind::null : address_.read(target);
    if (kind == ListedAddress::Kind::none) {
      sink.reject(Rejection::syntax, "no address behind the last slash");
      return false;
    }
    form.action = action_;
    if (kind == ListedAddress::Kind::null) return true;
    if (!sink.syntax.redirects) {
      sink.reject(Rejection::redirect);
      return false;
    }
    form.action = Action::local_data;
    form.records = {address_.record()};
    return true;
  }

  static void take_name(std::string_view name, const RuleForm& form, ListSink& sink) {
    if (name == "#") return sink.reject(Rejection::root);
    if (name.starts_with('.')) name.remove_prefix(1);
    if (form.action == Action::local_data)
      sink.add_name(name, form);
    else
      sink.add_name(name, MatchKind::both, form.action);
  }

  const Action action_;
  ListedAddress address_;
};

}  // namespace

std::unique_ptr<LineParser> make_dnsmasq_parser(const ListSyntax& syntax) {
  return std::make_unique<DnsmasqParser>(syntax);
}

}  // namespace placard::policy
