#include "policy/lists/rpz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "policy/record/prefix.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

using wire::RecordType;

std::string_view text_of(wire::Bytes label) {
  return {reinterpret_cast<const char*>(label.data()), label.size()};
}

bool is_label(wire::Bytes label, std::string_view word) {
  return std::ranges::equal(text_of(label), word, {}, [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
}

std::optional<Trigger> trigger_of_label(wire::Bytes label) {
  if (label.size() < 6 || wire::lower(label[0]) != 'r') return std::nullopt;
  for (const auto& [word, trigger] : {std::pair{"rpz-ip", Trigger::response_ip},
                                      {"rpz-client-ip", Trigger::client_ip},
                                      {"rpz-nsdname", Trigger::nsdname},
                                      {"rpz-nsip", Trigger::nsip}})
    if (is_label(label, word)) return trigger;
  return std::nullopt;
}

std::string_view label_of_trigger(Trigger trigger) {
  switch (trigger) {
    case Trigger::client_ip:
      return "rpz-client-ip";
    case Trigger::response_ip:
      return "rpz-ip";
    case Trigger::nsdname:
      return "rpz-nsdname";
    case Trigger::nsip:
      return "rpz-nsip";
    case Trigger::qname:
      break;
  }
  return "";
}

template <typename Number>
std::optional<Number> number_from(std::string_view text, int base, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return static_cast<Number>(value);
}

/// "24.0.2.0.192", "48.zz.2.2001" (labels from the left). `normalised`: not as the draft wants it written.
std::optional<Prefix> prefix_of_labels(const std::vector<std::string_view>& labels, bool& normalised) {
  if (labels.size() < 2) return std::nullopt;
  const auto length = number_from<std::uint8_t>(labels[0], 10, 128);
  if (!length || *length == 0) return std::nullopt;
  Prefix prefix;
  const bool has_zz = std::ranges::any_of(labels, [](auto label) { return label == "zz" || label == "ZZ"; });
  if (labels.size() == 5 && !has_zz) {
    if (*length > 32) return std::nullopt;
    std::array<std::uint8_t, 4> octets{};
    for (std::size_t i = 0; i < 4; ++i) {
      const auto octet = number_from<std::uint8_t>(labels[4 - i], 10, 255);
      if (!octet) return std::nullopt;
      octets[i] = *octet;
    }
    prefix = {*mapped_address(octets), static_cast<std::uint8_t>(*length + 96), true};
  } else {
    std::vector<std::uint16_t> words;  // from the left of the address
    const auto given = labels.size() - 1;
    std::size_t runs = 0;
    for (std::size_t i = labels.size() - 1; i >= 1; --i) {
      if (labels[i] == "zz" || labels[i] == "ZZ") {
        if (++runs > 1 || given > 8) return std::nullopt;
        words.insert(words.end(), 9 - given, 0);
        continue;
      }
      if (labels[i].size() > 4) return std::nullopt;
      const auto word = number_from<std::uint16_t>(labels[i], 16, 0xFFFF);
      if (!word) return std::nullopt;
      words.push_back(*word);
    }
    if (words.size() != 8) return std::nullopt;
    for (std::size_t i = 0; i < 8; ++i) {
      prefix.address[2 * i] = static_cast<std::uint8_t>(words[i] >> 8);
      prefix.address[2 * i + 1] = static_cast<std::uint8_t>(words[i] & 0xFF);
    }
    prefix.length = *length;
    if (is_mapped_ipv4(prefix.address) && prefix.length >= 96) prefix.ipv4 = true;
  }
  const auto network = masked_address(prefix.address, prefix.length);
  normalised = network != prefix.address;
  prefix.address = network;
  return prefix;
}

/// Labels of an address trigger's owner, the prefix length first.
std::vector<std::string> labels_of_prefix(const Prefix& prefix) {
  std::vector<std::string> labels{std::to_string(prefix.written_length())};
  const auto& address = prefix.address;
  if (prefix.ipv4) {
    for (std::size_t i = 16; i-- > 12;) labels.push_back(std::to_string(address[i]));
    return labels;
  }
  // The longest run of zero words, the first of equal ones, becomes "zz" (RFC 5952 4.2).
  std::array<unsigned, 8> words{};
  for (std::size_t i = 0; i < 8; ++i) words[i] = static_cast<unsigned>(address[2 * i] << 8 | address[2 * i + 1]);
  std::size_t best = 0, best_size = 0;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && words[end] == 0) ++end;
    if (end - i > best_size) best = i, best_size = end - i;
    i = std::max(end, i + 1);
  }
  for (std::size_t i = 8; i-- > 0;) {
    if (best_size > 1 && i >= best && i < best + best_size) {
      if (i == best) labels.emplace_back("zz");
      continue;
    }
    labels.push_back(fmt::format("{:x}", words[i]));
  }
  return labels;
}

bool is_meaningless(RecordType type) {
  using enum RecordType;
  switch (type) {
    case soa:
    case ns:
    case dname:
    case ds:
    case rrsig:
    case sig:
    case nsec:
    case nxt:
    case dnskey:
    case nsec3:
    case nsec3param:
    case cds:
    case cdnskey:
    case csync:
    case zonemd:
      return true;
    default:
      return wire::is_meta(type);
  }
}

/// What the target of a CNAME says; false when it is a word of RPZ's that is not known.
bool read_target(wire::NameView target, wire::NameView owner, RuleForm& form) {
  const auto labels = target.label_count();
  if (labels == 0) {
    form.action = Action::nxdomain;
  } else if (labels == 1 && target.is_wildcard()) {
    form.action = Action::nodata;
  } else if (labels == 1 && target.first_label().size() > 4 && is_label(target.first_label().first(4), "rpz-")) {
    if (is_label(target.first_label(), "rpz-passthru"))
      form.action = Action::passthru;
    else if (is_label(target.first_label(), "rpz-drop"))
      form.action = Action::drop;
    else if (is_label(target.first_label(), "rpz-tcp-only"))
      form.action = Action::truncate;
    else
      return false;
  } else if (target == owner) {
    form.action = Action::passthru;  // as it was written before rpz-passthru
  } else {
    form.action = Action::cname;
    form.target = wire::Name(target).lowered();
  }
  return true;
}

RpzReading rejected(Rejection reason, std::string detail = {}) {
  RpzReading reading;
  reading.kind = RpzReading::Kind::rejected;
  reading.reason = reason;
  reading.detail = std::move(detail);
  return reading;
}

/// The part of the owner that is the zone's, taken off.
std::optional<wire::Name> relative(wire::NameView name, std::size_t labels) {
  const auto taken = wire::Name::concatenate(name, labels, wire::NameView());
  return taken ? std::optional(*taken) : std::nullopt;
}

}  // namespace

RpzReading read_rpz_record(wire::NameView owner, wire::NameView origin, RecordType type, std::uint32_t ttl,
                           wire::Bytes rdata) {
  RpzReading reading;
  if (!owner.is_subdomain_of(origin)) return rejected(Rejection::outside_zone);
  const auto labels = owner.label_count() - origin.label_count();
  if (labels == 0) return reading;
  if (is_meaningless(type)) return rejected(Rejection::meaningless_type, wire::to_text(type));
  auto& form = reading.form;
  auto last = owner;
  for (std::size_t i = 1; i < labels; ++i) last = last.parent();
  form.trigger = trigger_of_label(last.first_label()).value_or(Trigger::qname);
  const auto own_labels = form.trigger == Trigger::qname ? labels : labels - 1;
  auto name = relative(owner, own_labels).value();
  const auto whole = name;
  if (form.trigger == Trigger::qname || form.trigger == Trigger::nsdname) {
    if (own_labels == 0) return rejected(Rejection::not_a_name, "nothing before the trigger");
    form.match = name.view().is_wildcard() || (own_labels == 1 && is_label(name.view().first_label(), "*"))
                     ? MatchKind::subdomains
                     : MatchKind::exact;
    if (form.match == MatchKind::subdomains) name = wire::Name(name.view().parent());
    reading.key = stored_key(name);
  } else {
    form.match = MatchKind::both;
    std::vector<std::string_view> parts;
    for (auto rest = name.view(); !rest.is_root(); rest = rest.parent()) parts.push_back(text_of(rest.first_label()));
    const auto prefix = prefix_of_labels(parts, reading.normalised);
    if (!prefix) return rejected(Rejection::bad_prefix);
    reading.key = prefix->to_text();
  }
  form.ttl = ttl;
  if (type == RecordType::cname) {
    const auto target = wire::parse_uncompressed_name(rdata, 0);
    if (!target) return rejected(Rejection::bad_record, std::string(wire::to_text(target.error())));
    if (!read_target(*target, whole, form)) return rejected(Rejection::unknown_word, target->to_text());
  } else {
    form.action = Action::local_data;
    form.records.push_back({type, {rdata.begin(), rdata.end()}});
  }
  reading.kind = RpzReading::Kind::rule;
  return reading;
}

std::vector<RpzRecord> rpz_records_of(const ListedRule& rule, const RuleForm& form, wire::NameView origin,
                                      std::uint32_t ttl) {
  const auto prepended = [](std::string_view label, wire::NameView parent) {
    return wire::Name::prepend({reinterpret_cast<const std::uint8_t*>(label.data()), label.size()}, parent);
  };
  std::vector<wire::Name> owners;
  auto below = std::expected<wire::Name, wire::NameError>(wire::Name(origin));
  if (form.trigger != Trigger::qname) below = prepended(label_of_trigger(form.trigger), origin);
  if (!below) return {};
  if (form.trigger == Trigger::qname || form.trigger == Trigger::nsdname) {
    const auto name = name_from_key(rule.key);
    if (!name) return {};
    const auto owner = wire::Name::concatenate(*name, name->view().label_count(), *below);
    if (!owner) return {};
    if (form.match != MatchKind::subdomains) owners.push_back(*owner);
    if (form.match != MatchKind::exact) {
      const auto star = prepended("*", *owner);
      if (!star) return {};
      owners.push_back(*star);
    }
  } else {
    const auto prefix = prefix_from_text(rule.key);
    if (!prefix) return {};
    const auto labels = labels_of_prefix(*prefix);
    for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
      below = prepended(*label, *below);
      if (!below) return {};
    }
    owners.push_back(*below);
  }
  std::vector<RpzRecord> records;
  const auto alias = [&](std::string_view target) {
    const auto name = wire::Name::from_text(target).value();
    const auto octets = name.view().bytes();
    for (const auto& owner : owners)
      records.push_back({owner, RecordType::cname, form.ttl.value_or(ttl), {octets.begin(), octets.end()}});
  };
  switch (form.action) {
    case Action::nxdomain:
      alias(".");
      break;
    case Action::nodata:
      alias("*.");
      break;
    case Action::passthru:
      alias("rpz-passthru.");
      break;
    case Action::drop:
      alias("rpz-drop.");
      break;
    case Action::truncate:
      alias("rpz-tcp-only.");
      break;
    case Action::cname:
      alias(form.target.to_text());
      break;
    case Action::local_data:
      for (const auto& owner : owners)
        for (const auto& record : form.records)
          records.push_back({owner, record.type, form.ttl.value_or(ttl), record.rdata});
      break;
    case Action::sinkhole:
    case Action::refused:
      break;
  }
  return records;
}

}  // namespace placard::policy
