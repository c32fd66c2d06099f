// DNS error reporting (RFC 9567): servers that name an agent are told, by a question to it, what could not be resolved.
//
// The question's answer is cached like any other, so one error is reported once while it lasts. Reports are few
// (kReportsPerSecond), and none is made about a report. Off unless the operator wants it: an agent is a third party
// that learns which names are asked for here.
#include <fmt/format.h>

#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

constexpr std::uint32_t kReportsPerSecond = 10;

}  // namespace

/// RFC 9567 6.1.1: _er.QTYPE.QNAME.CODE._er.AGENT; nothing when that is no name.
std::optional<wire::Name> report_name(const wire::Question& question, wire::EdeCode code, wire::NameView agent) {
  const auto before = wire::Name::from_text(fmt::format("_er.{}.", static_cast<unsigned>(question.type)));
  const auto behind = wire::Name::from_text(fmt::format("{}._er.", static_cast<unsigned>(code)));
  if (!before || !behind) return std::nullopt;
  const auto end = wire::Name::concatenate(*behind, behind->view().label_count(), agent);
  if (!end) return std::nullopt;
  const auto middle = wire::Name::concatenate(question.name, question.name.view().label_count(), *end);
  if (!middle) return std::nullopt;
  const auto whole = wire::Name::concatenate(*before, before->view().label_count(), *middle);
  if (!whole) return std::nullopt;
  return *whole;
}

void Resolver::State::note_report_agent(Flight& flight, const wire::MessageView& message) const {
  if (!options.error_reporting || !message.edns()) return;
  const auto option = message.edns()->option(static_cast<std::uint16_t>(wire::OptionCode::report_channel));
  if (!option) return;
  const auto agent = wire::parse_uncompressed_name(*option, 0);
  if (agent && agent->size() == option->size()) flight.report_agent = wire::Name(*agent);
}

void Resolver::State::report(const Flight& flight, const Fetched& fetched) {
  if (!options.error_reporting || flight.asker.reporting || flight.report_agent.view().is_root()) return;
  if (fetched.overloaded || fetched.errors.empty()) return;
  const std::int64_t second = network.wall_seconds();
  if (second != reporting_second) {
    reporting_second = second;
    reports_in_second = 0;
  }
  if (reports_in_second >= kReportsPerSecond || flights.size() >= options.bounds.in_flight / 2) return;
  wire::Question asked;
  asked.name = flight.key.name;
  asked.type = flight.key.type;
  const auto name = report_name(asked, fetched.errors.front().code, flight.report_agent);
  if (!name) return;
  ++reports_in_second;
  ++counters.error_reports;
  wire::Question question;
  question.name = *name;
  question.type = wire::RecordType::txt;
  Asker asker = client_asker();
  asker.reporting = true;
  flights.start(send_report(question, std::move(asker)));
}

net::Task<void> Resolver::State::send_report(wire::Question question, Asker asker) {
  auto resolving = resolve(question, asker);
  co_await resolving;
}

}  // namespace placard::recurse
