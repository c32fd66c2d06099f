// Policy zones as master files (RFC 1035 5.1), line by line: a broken record is rejected and the rest goes on.
//
// Entries, owners, TTLs and origins are those of zones' reader; what a record means is rpz.hpp's. The zone is the one
// that was declared, else the owner of the SOA, else the root, below which relative names stand for themselves.
// $INCLUDE and $GENERATE are rejected: a list is one file.
#include "policy/lists/line_parser.hpp"
#include "policy/lists/rpz.hpp"
#include "zones/entry_reader.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/presentation.hpp"

namespace placard::policy {
namespace {

using wire::RecordType;

constexpr std::uint32_t kDefaultTtl = 3600;                     // where neither record nor $TTL has one
constexpr std::size_t kLongestEntry = std::size_t{256} * 1024;  // of several lines; as zones' reader has it

/// What zones' reader says of parentheses that are still open.
constexpr std::string_view kOpen = "\"(\" without \")\"";

class RpzParser final : public LineParser {
 public:
  explicit RpzParser(const ListSyntax& syntax) {
    if (syntax.zone.empty()) return;
    // check_syntax() can't know; a zone that is no name has no records below it.
    if (const auto zone = wire::Name::from_text(syntax.zone)) zone_ = origin_ = zone->lowered();
    zone_is_known_ = true;
  }

  void parse(std::string_view line, ListSink& sink) override {
    if (pending_.empty()) {
      // Nearly every line is an entry of its own.
      if (line.find_first_of("()\"\\;") == line.npos) return entry(line, sink);
      first_line_ = sink.line();
    }
    pending_ += line;
    pending_ += '\n';
    zones::EntryReader reader(pending_);
    const auto joined = reader.next();
    if (!joined && joined.error() == kOpen && pending_.size() < kLongestEntry) return;
    sink.begin_line(first_line_, line);
    if (!joined)
      sink.reject(Rejection::syntax, joined.error());
    else
      entry(*joined, sink);
    pending_.clear();
  }

  void finish(ListSink& sink) override {
    if (pending_.empty()) return;
    sink.begin_line(first_line_, "(");
    sink.reject(Rejection::syntax, kOpen);
  }

 private:
  void entry(std::string_view text, ListSink& sink) {
    if (trimmed(text).empty()) return sink.ignore();
    if (text.front() == '$') return directive(text, sink);
    const auto fields = wire::split_record(text);
    if (!fields) return sink.reject(Rejection::syntax, fields.error().reason);
    if (!fields->owner.empty()) {
      const auto owner = wire::name_from_text(fields->owner, origin_);
      has_owner_ = owner.has_value();
      if (!owner) return sink.reject(Rejection::not_a_name, wire::to_text(owner.error()));
      owner_ = *owner;
    }
    if (!has_owner_) return sink.reject(Rejection::syntax, "a record without an owner");
    if (fields->record_class.value_or(wire::RecordClass::in) != wire::RecordClass::in)
      return sink.reject(Rejection::syntax, "class " + wire::to_text(*fields->record_class));
    if (fields->ttl) last_ttl_ = *fields->ttl;
    if (fields->type == RecordType::soa && !zone_is_known_) {
      zone_ = owner_;
      zone_is_known_ = true;
    }
    record(*fields, sink);
  }

  void record(const wire::RecordFields& fields, ListSink& sink) {
    const auto ttl = fields.ttl.value_or(default_ttl_.value_or(last_ttl_.value_or(kDefaultTtl)));
    RpzReading reading;
    if (fields.type == RecordType::cname) {
      const auto target = wire::name_from_text(trimmed(fields.rdata), origin_);
      if (!target) return sink.reject(Rejection::bad_record, wire::to_text(target.error()));
      reading = read_rpz_record(owner_, zone_, fields.type, ttl, target->view().bytes());
    } else {
      // What the zone has at its apex or could never mean is not worth parsing.
      reading = read_rpz_record(owner_, zone_, fields.type, ttl, {});
      if (reading.kind == RpzReading::Kind::rule) {
        const auto rdata = wire::rdata_from_text(fields.type, fields.rdata, origin_);
        if (!rdata) return sink.reject(Rejection::bad_record, rdata.error());
        reading.form.records.front().rdata = *rdata;
      }
    }
    if (reading.kind == RpzReading::Kind::own) return sink.ignore();
    if (reading.kind == RpzReading::Kind::rejected) return sink.reject(reading.reason, reading.detail);
    if (reading.normalised) sink.normalise(Normalisation::prefix);
    // Most records share their form with the one before.
    sink.add_key(reading.key, form_of(reading.form, sink));
  }

  std::uint32_t form_of(const RuleForm& form, ListSink& sink) {
    const bool plain = form.records.empty() && form.action != Action::cname;
    const bool same = last_form_ && plain && form.action == last_.action && form.match == last_.match &&
                      form.trigger == last_.trigger && form.ttl == last_.ttl;
    if (same) return *last_form_;
    const auto number = sink.rules.form_number(form);
    if (plain) {
      last_form_ = number;
      last_ = form;
    }
    return number;
  }

  void directive(std::string_view text, ListSink& sink) {
    const auto name = wire::take_field(text);
    const auto argument = wire::take_field(text);
    if (name == "$TTL") {
      default_ttl_ = wire::ttl_from_text(argument);
      return default_ttl_ ? sink.ignore() : sink.reject(Rejection::syntax, "$TTL without a TTL");
    }
    if (name != "$ORIGIN") return sink.reject(Rejection::directive);
    const auto origin = wire::name_from_text(argument, origin_);
    if (!origin || argument.empty()) return sink.reject(Rejection::syntax, "$ORIGIN without a name");
    origin_ = *origin;
    sink.ignore();
  }

  wire::Name zone_, origin_, owner_;
  bool zone_is_known_ = false, has_owner_ = false;
  std::optional<std::uint32_t> default_ttl_, last_ttl_;
  std::string pending_;  // an entry that is not over
  std::uint32_t first_line_ = 0;
  RuleForm last_;
  std::optional<std::uint32_t> last_form_;
};

}  // namespace

std::unique_ptr<LineParser> make_rpz_parser(const ListSyntax& syntax) {
  return std::make_unique<RpzParser>(syntax);
}

}  // namespace placard::policy
